// The size that hires fix makes of the first pass's, as the server reckons it.

const floored = (side) => Math.floor(side) - (Math.floor(side) % 8);

export function hiresSize(width, height, scale, x, y) {
  if (!x && !y) return [floored(width * scale), floored(height * scale)];
  return [floored(x || (y * width) / height), floored(y || (x * height) / width)];
}
