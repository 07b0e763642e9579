// The results as A1111's scripts know them: the buttons that extensions add stand with ours, the picture's parameters can
// be read as one text, and the place of the pictures has A1111's name.

onUiLoaded(() => {
  for (const tab of ['txt2img', 'img2img', 'inpaint']) {
    const ours = document.getElementById(`image_buttons_${tab}`);
    const theirs = document.getElementById(`${tab}_aq-theirs`);
    if (ours && theirs) ours.after(theirs);
    const results = document.querySelector(`#${tab}_gallery .aq-results`);
    if (results) results.id = `${tab}_gallery_container`;
  }
});

function aquatintTellInfotexts() {
  for (const details of document.querySelectorAll('.aq-details[id^=html_info_]')) {
    if (details.querySelector('.infotext')) continue;
    const text = document.createElement('div');
    text.className = 'prose infotext';
    text.id = details.id;
    text.append(document.createElement('p'));
    text.firstChild.textContent = details.infotext ?? '';
    const outer = document.createElement('div');
    outer.className = 'aq-unseen';
    outer.append(text);
    details.prepend(outer);
  }
}

/** What A1111 keeps of the pictures of a tab, in the order of their thumbnails: its functions take a picture's seed from there. */
function aquatintTellGenerations() {
  for (const tab of ['txt2img', 'img2img', 'inpaint']) {
    const box = document.querySelector(`#generation_info_${tab} textarea`);
    const pictures = document.querySelector(`#${tab}_gallery .aq-results`)?.parentElement.pictures;
    if (!box || !pictures) continue;
    const told = { index_of_first_image: 0, infotexts: pictures.map((each) => each.infotext), all_seeds: pictures.map((each) => each.seed) };
    const text = pictures.length ? JSON.stringify(told) : '';
    if (box.value === text) continue;
    box.value = text;
    updateInput(box);
  }
}

for (const tell of [aquatintTellInfotexts, aquatintTellGenerations]) {
  onUiLoaded(tell);
  onUiUpdate(tell);
}
