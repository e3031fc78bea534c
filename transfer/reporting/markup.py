"""Markup: templates and the way figures are written in them.

It owns escaping (everything that is not marked as markup is escaped, an unknown name is an error) and one spelling for
each kind of figure: 84.7%, +1.2 points, 1 min 23 s, 12,345. A figure that is not known is a dash.
"""

from __future__ import annotations

import math
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import jinja2
from markupsafe import Markup, escape

from transfer.comparison import Ground
from transfer.photo import Photo

DASH = "–"


def render(template: str, **values: Any) -> Markup:
    """A template of ``templates/`` with these values; every value is escaped unless it is markup already."""
    return Markup(_TEMPLATES.get_template(template).render(**values))  # noqa: S704  autoescape did it


def _known(value: float | None) -> bool:
    return value is not None and math.isfinite(value)


def percent(value: float | None, digits: int = 1) -> str:
    """A share in percent.

    >>> percent(0.8472), percent(None)
    ('84.7%', '–')
    """
    return f"{100 * value:.{digits}f}%" if value is not None and _known(value) else DASH


def chance(value: float) -> str:
    """A chance in percent, never quite none or all: it was judged from a sample.

    >>> chance(0.37), chance(1.0), chance(0.002)
    ('37%', '>\\xa099%', '<\\xa01%')
    """
    return ">\xa099%" if value > 0.99 else "<\xa01%" if value < 0.01 else percent(value, 0)


def points(value: float | None, digits: int = 1) -> str:
    """A difference of shares in points, with its sign.

    >>> points(0.0312), points(-0.004), points(0.0), points(0.05, 0)
    ('+3.1', '−0.4', '0.0', '+5')
    """
    if value is None or not _known(value):
        return DASH
    text = f"{100 * value:+.{digits}f}".replace("-", "−")
    return text if text.strip("+−0.") else text[1:]


def count(value: float | None) -> str:
    """A whole number with thousands separated.

    >>> count(60965224)
    '60,965,224'
    """
    return f"{value:,.0f}" if value is not None and _known(value) else DASH


def about(value: float) -> str:
    """A number to two figures, for what is only roughly known.

    >>> about(8281), about(96), about(123456)
    ('8,300', '96', '120,000')
    """
    size = 10 ** max(int(math.log10(max(value, 1))) - 1, 0)
    return f"{round(value / size) * size:,}"


def duration(value: float | None) -> str:
    """Seconds as a person says them.

    >>> duration(0.42), duration(7.31), duration(83), duration(5025), duration(0)
    ('0.42 s', '7.3 s', '1 min 23 s', '1 h 23 min', '0 s')
    """
    if value is None or not _known(value):
        return DASH
    if value == 0:
        return "0 s"
    if value < 59.95:
        return f"{value:.2f} s" if value < 1 else f"{value:.1f} s"
    minutes, seconds = divmod(round(value), 60)
    return f"{minutes} min {seconds} s" if minutes < 60 else f"{minutes // 60} h {minutes % 60} min"


def p_value(value: float | None) -> str:
    """A p-value to three digits.

    >>> p_value(0.0000123), p_value(0.0473), p_value(1.0), p_value(0.04981)
    ('<\\xa00.001', '0.047', '1.000', '0.0498')
    """
    if value is None or not _known(value):
        return DASH
    # What counts as different must not read as if it did not.
    return "<\xa00.001" if value < 0.001 else f"{value:.4f}" if 0.0495 <= value < 0.05 else f"{value:.3f}"


def number(value: float | None, digits: int = 3) -> str:
    """A plain figure with so many digits behind the point."""
    return f"{value:.{digits}f}" if value is not None and _known(value) else DASH


def arm(title: str) -> Markup:
    """The name of an arm, which may be broken at its joints and nowhere else.

    >>> arm("vgg16:frozen_head+mixup")
    Markup('vgg16:<wbr>frozen_head<wbr>+mixup')
    """
    return Markup(re.sub(r"(:)|(?=[@+])", r"\1<wbr>", str(escape(title))))  # noqa: S704  escaped first


def photo_name(photo: Photo) -> str:
    """Its title, or the path it has in its own folder: where that folder lies is nobody's business.

    >>> photo_name(Photo(id="1", file_name="/home/me/pets/cat/7.jpg", label="cat", source="folder"))
    'cat/7.jpg'
    """
    name = photo.title or photo.file_name
    return "/".join(re.split(r"[/\\]", name)[-2:]) if re.match(r"[/\\]|[A-Za-z]:[/\\]", name) else name


def web_address(value: str | None) -> str | None:
    """The address if a click on it opens a web page, else None: a manifest may hold ``javascript:``."""
    try:
        return value if value and urlsplit(value).scheme in ("http", "https") else None
    except ValueError:
        return None


def of_size(per_class: int | None) -> str:
    """A training size in words."""
    return "all training photos" if per_class is None else f"{per_class} photo{'s'[: per_class != 1]} a class"


def of_ground(ground: Ground) -> str:
    """What arms were trained on, in words.

    >>> of_ground(Ground(10, 5)), of_ground(Ground(1, None))
    ('10 photos a class, in 5 folds', '1 photo a class')
    """
    return of_size(ground.per_class) + (f", in {ground.folds} folds" if ground.folds else "")


def moment(value: str) -> str:
    """A point in time to the minute, by the clock of UTC; what is none is left as it is.

    >>> moment("2026-05-01T12:30:59+02:00"), moment("some day")
    ('2026-05-01 10:30 UTC', 'some day')
    """
    try:
        return datetime.fromisoformat(value).astimezone(UTC).strftime("%Y-%m-%d %H:%M UTC")
    except (ValueError, OverflowError):
        return value


def plural(value: int, one: str, many: str | None = None) -> str:
    """A counted noun.

    >>> plural(1, "photo"), plural(1200, "class", "classes")
    ('1 photo', '1,200 classes')
    """
    return f"{value:,} {one if value == 1 else many or one + 's'}"


_TEMPLATES = jinja2.Environment(
    loader=jinja2.FileSystemLoader(Path(__file__).parent / "templates"),
    autoescape=True,
    undefined=jinja2.StrictUndefined,
    trim_blocks=True,
    lstrip_blocks=True,
    keep_trailing_newline=False,
)
_TEMPLATES.filters |= {
    "about": about,
    "arm": arm,
    "chance": chance,
    "count": count,
    "duration": duration,
    "moment": moment,
    "number": number,
    "of_ground": of_ground,
    "of_size": of_size,
    "p_value": p_value,
    "percent": percent,
    "photo_name": photo_name,
    "plural": plural,
    "points": points,
    "web_address": web_address,
}
