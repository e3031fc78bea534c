"""A setting of kept activations: in words, and whether a run had it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from transfer.arm import Arm
from transfer.errors import CallError
from transfer.run import Run


def in_words(setting: Mapping[str, Any]) -> str:
    """One line; the views of a setting are called alike, and so is the network for all of its stages."""
    view = setting.get("view", "").split(" ")[0]
    seen = f", {view} views" if view and view != "mirror" else f", {view}" if view else ""
    if "backbone" not in setting:
        return f"decoded photos, {setting.get('size')} px{seen}"
    weights = str(setting.get("weights") or "")
    weights = weights if weights.startswith("random") else weights[:8]
    said = [
        str(setting["backbone"]) + (f"@{weights}" if weights else ""),
        str(setting.get("stage")),
        f"{setting.get('size')} px",
        f"{setting.get('engine')} {setting.get('precision')}",
        *(["kept in half"] if setting.get("half") else []),
    ]
    return ", ".join(said) + seen


def had(run: Run, setting: Mapping[str, Any]) -> bool:
    """Whether the run trained from activations in this setting, or may have: a failed run says little of itself.

    Stage, views and half precision do not count: another strategy on the same network is the likely next question.
    """
    facts = run.facts
    if "backbone" not in setting:
        return facts.get("size", setting.get("size")) == setting.get("size")
    own = {name: facts[name] for name in ("size", "engine", "precision") if name in facts}
    own["backbone"] = facts.get("backbone") or _backbone(run)
    if "weights" in facts:
        learned = facts["weights"]
        own["weights"] = learned["sha256"] if learned else f"random {run.seed}"
    without = setting.get("weights") is None  # what learns nothing has none, whatever the run says
    return all(setting.get(name) == value for name, value in own.items() if name != "weights" or not without)


def _backbone(run: Run) -> str | None:
    try:
        return Arm.parse(run.arm).backbone
    except CallError:  # of another version, or written by hand
        return None
