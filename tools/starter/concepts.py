"""The things the starter knows: labelled cut-outs of Fluent Emoji, and which of them it is taught."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from tools.starter.workspace import Workspace

TAUGHT = """
    grinning face; beaming face with smiling eyes; face with tears of joy; upside-down face; winking face; smiling
    face with halo; smiling face with hearts; smiling face with heart-eyes; star-struck; face blowing a kiss;
    smiling face; face with tongue; money-mouth face; thinking face; zipper-mouth face; sleeping face; face with
    medical mask; nauseated face; hot face; cold face; exploding head; cowboy hat face; partying face; smiling
    face with sunglasses; nerd face; face with open mouth; crying face; loudly crying face; face screaming in
    fear; angry face; smiling face with horns; skull; pile of poo; clown face; ogre; ghost; alien; alien monster;
    robot; grinning cat; smiling cat with heart-eyes; see-no-evil monkey;
    red heart; orange heart; yellow heart; green heart; blue heart; purple heart; black heart; white heart; pink
    heart; broken heart; heart on fire; heart with arrow;
    monkey face; gorilla; dog face; dog; wolf; fox; raccoon; cat face; cat; black cat; lion; tiger face; horse;
    unicorn; zebra; cow face; pig face; llama; giraffe; elephant; rhinoceros; hippopotamus; mouse face; rabbit
    face; rabbit; hedgehog; bat; bear; polar bear; koala; panda; sloth; kangaroo; paw prints; rooster; hatching
    chick; baby chick; bird; penguin; eagle; duck; swan; owl; flamingo; peacock; parrot; frog; crocodile; turtle;
    snake; dragon face; dragon; t-rex; spouting whale; dolphin; fish; tropical fish; blowfish; shark; octopus;
    spiral shell; jellyfish; crab; lobster; snail; butterfly; honeybee; lady beetle; spider;
    bouquet; cherry blossom; rose; hibiscus; sunflower; tulip; seedling; potted plant; evergreen tree; deciduous
    tree; palm tree; cactus; four leaf clover; maple leaf; mushroom;
    grapes; watermelon; lemon; banana; pineapple; red apple; green apple; pear; peach; cherries; strawberry;
    blueberries; kiwi fruit; tomato; coconut; avocado; eggplant; carrot; ear of corn; hot pepper; bell pepper;
    broccoli; bread; croissant; pretzel; pancakes; cheese wedge; hamburger; french fries; pizza; hot dog; egg;
    popcorn; spaghetti; sushi; ice cream; doughnut; cookie; birthday cake; cupcake; chocolate bar; candy;
    lollipop; honey pot; hot beverage; teapot; wine glass; cocktail glass; beer mug; bubble tea;
    snow-capped mountain; volcano; beach with umbrella; desert island; house; castle; tent; ferris wheel; circus
    tent; locomotive; bus; ambulance; fire engine; police car; taxi; automobile; racing car; motorcycle; bicycle;
    skateboard; anchor; sailboat; airplane; helicopter; rocket; flying saucer; full moon; crescent moon; sun;
    ringed planet; star; cloud; cloud with rain; rainbow; umbrella; high voltage; snowflake; snowman; fire;
    droplet; water wave; vertical traffic light;
    jack-o-lantern; christmas tree; sparkles; balloon; party popper; wrapped gift; trophy; 1st place medal; soccer
    ball; baseball; basketball; american football; tennis; bullseye; kite; pool 8 ball; crystal ball; video game;
    game die; puzzle piece; teddy bear; artist palette; magic wand;
    glasses; sunglasses; necktie; t-shirt; jeans; socks; dress; backpack; running shoe; high-heeled shoe; crown;
    top hat; graduation cap; lipstick; ring; gem stone; musical note; microphone; headphone; trumpet;
    guitar; musical keyboard; violin; drum; mobile phone; telephone; laptop; floppy disk; television; camera;
    magnifying glass tilted left; candle; light bulb; open book; books; pencil; paintbrush; locked; key; hammer;
    dagger; bomb; shield; gear; magnet; telescope; microscope; pill; door; bed; chair; toilet; shopping cart
"""
"""What is asked for most and told apart at this size: no signs, no flags, nothing that twenty others look like."""


class Concept(NamedTuple):
    """One emoji: `label` and `tags` in lower case, the groups in emojibase's words."""

    label: str
    tags: tuple[str, ...]
    group: str
    subgroup: str
    file: Path

    def cutout(self, side: int) -> NDArray[np.uint8]:
        """The picture with its transparency, (side, side, 4)."""
        with Image.open(self.file) as picture:
            return np.asarray(picture.convert("RGBA").resize((side, side), Image.Resampling.LANCZOS))


def read_concepts(workspace: Workspace) -> list[Concept]:
    """All emoji that have both a name and a picture, in Unicode's order."""
    if not workspace.labels.exists():
        raise SystemExit("The pictures are not there yet. First: python -m tools.starter data")
    names = json.loads(workspace.groups.read_text("utf-8"))
    files = {_plain(path.stem): path for path in workspace.emoji.glob("*.webp")}
    rows: list[dict[str, Any]] = json.loads(workspace.labels.read_text("utf-8"))
    rows = sorted((row for row in rows if _plain(row["hexcode"]) in files), key=lambda row: row.get("order", 1 << 20))
    return [
        Concept(
            label=_word(row["label"]),
            tags=tuple(_word(tag) for tag in row.get("tags", ())),
            group=names["groups"].get(str(row.get("group")), ""),
            subgroup=names["subgroups"].get(str(row.get("subgroup")), ""),
            file=files[_plain(row["hexcode"])],
        )
        for row in rows
    ]


def taught(concepts: Sequence[Concept]) -> list[Concept]:
    """Those that the starter learns."""
    names = {" ".join(name.split()) for name in TAUGHT.split(";")}
    return [concept for concept in concepts if concept.label in names]


def _plain(code: str) -> str:
    """A code point sequence without the mark that only asks for colour."""
    return "-".join(part for part in code.lower().split("-") if part != "fe0f")


def _word(text: str) -> str:
    return text.replace("“", "").replace("”", "").lower()
