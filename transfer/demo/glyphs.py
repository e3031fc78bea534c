"""Glyphs: the demo's source task. Letters of five alphabets, drawn as the handwritten digits were scanned.

It owns which characters are drawn, which of them count as one class, and how a drawing is made: a character of the
DejaVu fonts that matplotlib carries is slanted, stretched, turned, bent, thinned or thickened, cut out, fitted into
32 x 32 black or white cells, and counted in blocks of 4 x 4. That is how the UCI digits were made from forms, so a
drawing has 8 x 8 pixels of 17 grey levels, white on black. It refuses digits and whatever could be taken for one.
"""

from __future__ import annotations

from functools import cache
from pathlib import Path

import matplotlib as mpl
import numpy
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from scipy.ndimage import map_coordinates

from transfer.progress import Progress

ALPHABETS = {
    "Latin": "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyzÆæŒœÞþŁŦŧŊƔɣɯʍʎʞɰɲɳ",
    "Greek": "ΑΒΓΔΕΖΗΘΙΚΛΜΝΞΟΠΡΣΤΥΦΧΨΩαβγδεζηθικλμνξοπρςστυφχψωϕϖϜϞϟϠϡϰ",
    "Cyrillic": "АБВГДЕЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдежзийклмнопрстуфхцчшщъыьэюяЂЄЉЊЋЏђєљњћџѢѣҐҒҖҚҢҤҰҲҺһ",
    "Armenian": "ԱԲԳԴԵԶԷԸԹԺԻԼԽԾԿՀՁՂՃՄՅՆՇՈՉՊՋՌՍՎՏՐՑՒՓՔՕՖաբգդեզէըթժիլխծկհձղճմյնշոչպջռսվտրցւփքօֆև",
    "Georgian": "აბგდევზთიკლმნოპჟრსტუფქღყშჩცძწჭხჯჰ",
}
"""Letters in use and some out of use; every one of the fonts has them."""

DIGIT_LOOKALIKES = {
    "0": "ŊOoΟοОоՕօDQΘθσυΩaаnոռըԾეიც",
    "1": "IilJjΙιլյ",
    "2": "ZzΖշջՁԶՉչ",
    "3": "ЗзЭэξζკპჰ",
    "4": "yУуЧчԿկՎվ",
    "5": "SsՏς",
    "6": "bGδБбЄЪъЬьԵեծճնბნსხჩწ",
    "7": "Դ",
    "8": "BΒβВвнՅՑგვზმჟ",
    "9": "gqԳգզՋցყ",
}
"""Never drawn, by the digit they could be taken for.

Two ways led here, and either was enough. Measured: upright and fitted into the digits' box, in some font it correlates
with some digit above ``LIKENESS``. By eye: a hand may write the digit so (Z for 2, y for 4), or the letter is one with
a stroke more (the tail of a Georgian won, the foot of an Armenian za). What is only a mirror image (d, ε) stays.
"""

LIKENESS = 0.88
"""The correlation of 8 x 8 pixels above which two upright characters look alike."""

SAME = (
    *("AΑА", "CcСс", "EΕЕ", "eе", "FϜՒ", "HΗН", "hհһ", "KΚКкκ", "LԼւ", "MΜМм", "NΝ", "PΡРpрρ", "TΤТтτ", "UuՍս", "Vvν"),
    *("Wwʍ", "XΧХxхχ", "YΥ", "ΓГгՐ", "ΠПпՈ", "ΦФфφϕՓ", "Ψψ", "Дд", "Жж", "Ии", "Йй", "Лл", "ЦцЏџ", "Шшատɯ", "Щщ", "Ыы"),
    *("Ææ", "Œœ", "Þþ", "Ŧŧ", "Ɣɣ", "Ѣѣ", "Юю", "Яя", "Љљ", "Њњ", "Ժժ", "Խխ", "Մմ", "Քք", "Ֆֆ", "դղ"),
)
"""Characters that are one class, since they look alike once they fill the same box; in whichever alphabet or case."""

FACES = tuple(
    family + style
    for family, slanted in (("Sans", "Oblique"), ("SansMono", "Oblique"), ("Serif", "Italic"))
    for style in ("", "-Bold", f"-{slanted}", f"-Bold{slanted}")
)
"""The twelve DejaVu fonts that matplotlib carries."""

SIDE, LEVELS = 8, 16
_CELLS = 32  # of the form's scan, before counting in blocks
_EM = 72  # pixels; a stroke is then some 7 wide, enough to be thinned
_GRID = 48  # pixels of a drawing before it is fitted
_KNOTS = 4  # each way, of the field that bends a drawing


@cache
def classes() -> tuple[str, ...]:
    """The classes of the source task: each the characters that are drawn for it.

    >>> "AΑА" in classes(), any("O" in characters for characters in classes())
    (True, False)
    """
    dropped = set("".join(DIGIT_LOOKALIKES.values()))
    kept = [character for alphabet in ALPHABETS.values() for character in alphabet if character not in dropped]
    group = {character: characters for characters in SAME for character in characters}
    return tuple(dict.fromkeys(group.get(character, character) for character in kept))


def draw_glyphs(
    per_class: int, *, seed: int, on_progress: Progress | None = None
) -> tuple[numpy.ndarray, numpy.ndarray]:
    """Drawings of every class, each in a random character and face of it.

    A drawing depends on the seed, its class and its number alone: more of them are the same ones and others.

    Args:
        per_class: Drawings a class. seed: Of everything random.
        on_progress: Told ``(done, total, what)``.

    Returns:
        Drawings, uint8 ``(n, 8, 8)`` with the 17 levels of ``to_grey``, and the index of each one's class ``(n,)``.
    """
    groups = classes()
    total = len(groups) * per_class
    drawings = numpy.empty((total, SIDE, SIDE), "uint8")
    for label, characters in enumerate(groups):
        for number in range(per_class):
            rng = numpy.random.default_rng([seed, label, number])
            drawings[label * per_class + number] = draw(characters[rng.integers(len(characters))], rng)
        if on_progress is not None:
            on_progress((label + 1) * per_class, total, "drawing glyphs")
    return drawings, numpy.repeat(numpy.arange(len(groups)), per_class)


def draw(character: str, rng: numpy.random.Generator) -> numpy.ndarray:
    """One random drawing of a character, uint8 ``(8, 8)``."""
    soft, reach = _soft(character, FACES[rng.integers(len(FACES))])
    turn, slant = numpy.radians(rng.normal(0, 9)), rng.normal(0, 0.25)
    stretch = numpy.exp(rng.normal(0, 0.2))
    bend = rng.normal(0, 0.12, (2, _KNOTS, _KNOTS))
    x, y = _AXIS[None, :] + _BLEND @ bend[0] @ _BLEND.T, _AXIS[:, None] + _BLEND @ bend[1] @ _BLEND.T
    across = (numpy.cos(turn) * x - numpy.sin(turn) * y) * stretch + slant * y
    down = (numpy.sin(turn) * x + numpy.cos(turn) * y) / stretch
    ink = map_coordinates(soft, [down * reach + len(soft) / 2, across * reach + len(soft) / 2], order=1)
    ink += rng.normal(0, 0.06, ink.shape) * (ink > 0.05)  # ragged edges
    # Where a blurred stroke is cut decides how thick the pen was. Half its greatest value always leaves something.
    stroke = ink > min(rng.uniform(0.2, 0.6), ink.max() / 2)
    return fit(stroke, width=rng.uniform(17, 26))


def upright(character: str, face: str) -> numpy.ndarray:
    """A character as the font has it, fitted into the digits' box, uint8 ``(8, 8)``."""
    return fit(_soft(character, face)[0] > 0.4)


def fit(stroke: numpy.ndarray, *, width: float | None = None) -> numpy.ndarray:
    """Cut a stroke out, fit it into 32 x 32 cells and count them in blocks, as the digits were.

    Args:
        stroke: Bool, any shape, something in it.
        width: In cells; what is drawn goes halfway (as a ratio) from its own proportion to this. None keeps its own.

    Returns:
        uint8 ``(8, 8)`` with 17 levels.
    """
    rows, columns = numpy.flatnonzero(stroke.any(axis=1)), numpy.flatnonzero(stroke.any(axis=0))
    cut = Image.fromarray(stroke[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    own = _CELLS * cut.width / cut.height
    wide = own if width is None else (own * width) ** 0.5
    high = _CELLS if width is not None or wide <= 24 else _CELLS * 24 / wide
    size = max(1, round(min(wide, 28 if width is not None else 24))), max(1, round(high))
    cells = Image.new("L", (_CELLS, _CELLS))
    fitted = cut.convert("L").resize(size, Image.Resampling.BILINEAR)
    cells.paste(fitted, ((_CELLS - size[0]) // 2, (_CELLS - size[1]) // 2))
    block = _CELLS // SIDE
    return to_grey((numpy.asarray(cells) >= 128).reshape(SIDE, block, SIDE, block).sum(axis=(1, 3)))


def to_grey(counts: numpy.ndarray) -> numpy.ndarray:
    """Counts of 0 to 16 cells as grey of 0 to 255, rounded.

    >>> to_grey(numpy.array([0, 1, 8, 16])).tolist()
    [0, 16, 128, 255]
    """
    return numpy.rint(counts * (255 / LEVELS)).astype("uint8")


def font_file(face: str) -> Path:
    """The file of a DejaVu face in matplotlib's own folder."""
    return Path(mpl.get_data_path()) / "fonts" / "ttf" / f"DejaVu{face}.ttf"


@cache
def _font(face: str) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(font_file(face), _EM)


@cache
def _soft(character: str, face: str) -> tuple[numpy.ndarray, float]:
    """A character large, centred and blurred, float32 0 to 1, and the half side of the square that a drawing sees."""
    left, top, right, bottom = _font(face).getbbox(character)
    side = 128
    corner = ((side - right - left) / 2, (side - bottom - top) / 2)
    large = Image.new("L", (side, side))
    ImageDraw.Draw(large).text(corner, character, fill=255, font=_font(face))
    soft = numpy.asarray(large.filter(ImageFilter.GaussianBlur(2)), "float32") / 255
    return soft, 1.35 / 2 * max(right - left, bottom - top)


def _blend() -> numpy.ndarray:
    """From values at the knots to values at the pixels, linearly: ``(48, 4)``."""
    place = numpy.linspace(0, _KNOTS - 1, _GRID)[:, None]
    return numpy.maximum(0, 1 - numpy.abs(place - numpy.arange(_KNOTS)))


_AXIS = (numpy.arange(_GRID) + 0.5) / _GRID * 2 - 1
_BLEND = _blend()
