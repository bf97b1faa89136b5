"""What all orders have in common: sentences about what a provider cannot make, and words to send.

A sentence is empty where there is nothing to be said against a spec.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rushes.domain.spec import Mode, Role, Spec


def wrong_mode(spec: Spec, modes: Collection[Mode] | None = None) -> str:
    """Say that a mode is none of a provider's; without `modes`, only whether it could be any's."""
    if spec.mode.derives:
        return (
            f"The provider cannot make the mode {spec.mode}: it would have to build on a film "
            "of its own, and does not know the films of our tasks."
        )
    if modes is not None and spec.mode not in modes:
        return f"The provider does not offer the mode {spec.mode}."
    return ""


def wrong_frames(spec: Spec, wanted: Sequence[Role]) -> str:
    """Say that a mode is made from other files: from one of each that is wanted, and no more."""
    if sorted(asset.role for asset in spec.assets) == sorted(wanted):
        return ""
    named = " and one ".join(map(noun, wanted))
    return f"The provider makes the mode {spec.mode} from {f'one {named}' if named else 'words'}."


def wrong_references(spec: Spec, most: int) -> str:
    """Say that files are not one reference image, up to so many."""
    roles = [asset.role for asset in spec.assets]
    strange = next((role for role in roles if role is not Role.REFERENCE_IMAGE), None)
    if strange is not None:
        return f"The provider takes no {noun(strange)} in the mode {spec.mode}."
    is_right = 1 <= len(roles) <= most
    return "" if is_right else f"The provider takes one to {most} reference images."


def noun(role: Role) -> str:
    """Return a role as a sentence has it.

    >>> noun(Role.FIRST_FRAME)
    'first frame'
    """
    return role.value.replace("_", " ")


def sendable(text: str) -> str:
    r"""Return a text that has bytes: half a surrogate has none, and becomes a question mark.

    >>> sendable("a kite \ud83d")
    'a kite ?'
    """
    return text.encode("utf-8", "replace").decode()
