"""One call that runs every check on a component and reports all that it breaks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from i2ikit.core.registry import Registry, default_registry
from i2ikit.errors import I2IKitError
from i2ikit.testing import loss_checks, network_checks, plan_checks
from i2ikit.testing.fault import Fault, Skipped
from i2ikit.testing.subject import Subject, subject_of
from i2ikit.testing.surroundings import restored

Check = Callable[[Subject], None]

CHECKS: Mapping[str, tuple[Check, ...]] = {
    **dict.fromkeys(("encoder", "conditioner", "generator", "discriminator"), network_checks.CHECKS),
    "loss": loss_checks.CHECKS,
    "plan": plan_checks.CHECKS,
}


class ConformanceError(I2IKitError, AssertionError):
    """A component breaks rules of the library.

    Attributes:
        component: Its name.
        failures: By check, what was found and what to do.
    """

    def __init__(self, component: str, failures: Mapping[str, str]) -> None:
        self.component, self.failures = component, dict(failures)
        lines = "".join(f"\n  - {check}: {found}" for check, found in failures.items())
        super().__init__(f'Component "{component}" fails {len(failures)} of the checks:{lines}')


@frozen
class Report:
    """What was checked.

    Attributes:
        component: The component's name.
        passed: The checks that it passed, in order.
        skipped: By check, why it does not apply.
    """

    component: str
    passed: tuple[str, ...]
    skipped: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.component}: {len(self.passed)} checks passed, {len(self.skipped)} do not apply"]
        lines += [f"  passed   {name}" for name in self.passed]
        lines += [f"  skipped  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def check_component(name: str, *, registry: Registry | None = None, **options: Any) -> Report:
    """Check that a component keeps what the library, its training and its users rely on.

    Networks are tried on small random inputs of their role, losses on a small translation with every view, plans on a batch that holds
    everything.

    Args:
        name: The component's registered name.
        registry: Where it is looked up; the installed plugins by default.
        **options: Options of its factory. ``image=ImageSpec(...)``, ``domain={"hair": (...)}`` and ``code=CodeSpec(...)`` say what it is
            built for; without them it is tried on 32 x 48, 64, 128 and 256 pixels, on two label sets and none, and on the codes that
            encoders usually give, and the first that it takes is used.

    Returns:
        The checks that it passed, and those that do not apply with the reason.

    Raises:
        ConformanceError: One line for every check that it fails.
        UnknownNameError: There is no such component or option.

    Example:
        >>> print(check_component("identity_encoder"))
    """
    registry = registry or default_registry()
    registry.component(name)
    try:
        with restored():
            subject = subject_of(registry, name, options)
    except LookupError:
        raise
    except Exception as error:  # whatever the factory raises is what the author has to know
        raise ConformanceError(name, {"can_be_made": _made_of(error)}) from error
    passed, skipped, failures = ["can_be_made"], {}, {}
    for check in CHECKS[subject.role]:
        title = check.__name__
        try:
            with restored():
                check(subject)
        except Skipped as reason:
            skipped[title] = str(reason)
        except Fault as fault:
            failures[title] = str(fault)
        except Exception as error:  # noqa: BLE001  one broken promise must not hide the others
            failures[title] = _made_of(error)
        else:
            passed.append(title)
    if failures:
        raise ConformanceError(name, failures)
    return Report(name, tuple(passed), skipped)


def _made_of(error: Exception) -> str:
    text = " ".join(str(error).split()) or "no message"
    return f"{type(error).__name__}: {text if len(text) <= 500 else text[:497] + '...'}"
