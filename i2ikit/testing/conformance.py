"""``check_component`` runs every check on a component and reports all failures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from attrs import frozen

from i2ikit.core.registry import Registry, default_registry
from i2ikit.errors import I2IKitError, format_count
from i2ikit.testing import loss_checks, network_checks, plan_checks, wrapper_checks
from i2ikit.testing.component_under_test import ComponentUnderTest, prepare_component
from i2ikit.testing.fault import Fault, Skipped, format_error
from i2ikit.testing.side_effects import restore_state

Check = Callable[[ComponentUnderTest], None]

CHECKS: Mapping[str, tuple[Check, ...]] = {
    **dict.fromkeys(("encoder", "conditioner", "generator", "discriminator"), network_checks.CHECKS),
    "loss": loss_checks.CHECKS,
    "plan": plan_checks.CHECKS,
    "wrapper": wrapper_checks.CHECKS,
}


class ConformanceError(I2IKitError, AssertionError):
    """A component fails conformance checks.

    Attributes:
        component: Name of the component.
        failures: By check name, what was found and what to do.
    """

    def __init__(self, component: str, failures: Mapping[str, str]) -> None:
        self.component, self.failures = component, dict(failures)
        lines = "".join(f"\n  - {check}: {found}" for check, found in failures.items())
        super().__init__(f'Component "{component}" fails {format_count(len(failures), "check")}:{lines}')


@frozen
class ConformanceResult:
    """The result of the conformance checks of a component.

    Attributes:
        component: Name of the component.
        passed: Names of the passed checks, in order.
        skipped: By check name, the reason why the check does not apply.
    """

    component: str
    passed: tuple[str, ...]
    skipped: Mapping[str, str]

    def __str__(self) -> str:
        lines = [f"{self.component}: {format_count(len(self.passed), 'check')} passed, {len(self.skipped)} skipped"]
        lines += [f"  passed   {name}" for name in self.passed]
        lines += [f"  skipped  {name}: {reason}" for name, reason in self.skipped.items()]
        return "\n".join(lines)


def check_component(name: str, *, registry: Registry | None = None, **options: Any) -> ConformanceResult:
    """Check that a component follows the rules that the library relies on.

    Networks are tested on small random inputs of their role, losses on a small translation with every view, plans on a batch of their
    batch kind, and wrappers around a small discriminator.

    Args:
        name: The registered name of the component.
        registry: Registry that has the component. Default: the installed plugins.
        **options: Options of its factory. ``image=ImageSpec(...)``, ``source=ImageSpec(...)``, ``domain={"hair": (...)}``,
            ``code=CodeSpec(...)`` and ``generator=CodeSpec(...)`` are the specs that it is built for. Without them, images of 32 x 48, 64,
            128 and 256 pixels, two label sets or none, and the codes of usual encoders are tried; the first combination that the factory
            accepts is used.

    Returns:
        The passed checks, and the skipped checks with the reason.

    Raises:
        ConformanceError: At least one check failed; the message has a line for each failed check.
        UnknownNameError: There is no such component or option.

    Example:
        >>> print(check_component("identity_encoder"))
    """
    registry = registry or default_registry()
    registry.component(name)
    try:
        with restore_state():
            component = prepare_component(registry, name, options)
    except Fault as fault:
        raise ConformanceError(name, {"can_be_built": str(fault)}) from fault
    except LookupError:
        raise
    except Exception as error:  # the author needs to see any error
        raise ConformanceError(name, {"can_be_built": format_error(error)}) from error
    passed, skipped, failures = ["can_be_built"], {}, {}
    for check in CHECKS[component.role]:
        title = check.__name__
        try:
            with restore_state():
                check(component)
        except Skipped as reason:
            skipped[title] = str(reason)
        except Fault as fault:
            failures[title] = str(fault)
        except Exception as error:  # noqa: BLE001  one failure must not hide the others
            failures[title] = format_error(error)
        else:
            passed.append(title)
    if failures:
        raise ConformanceError(name, failures)
    return ConformanceResult(name, tuple(passed), skipped)
