"""Items as they come in: a contract's own, a plan's options, and terms that differ from those offered."""

from decimal import Decimal
from typing import Annotated

from pydantic import AfterValidator, Field, model_validator

from services.code_lists import units
from services.customer.commands.kinds import Ident, Price, Quantity
from services.customer.items import flat
from services.fields import Body, Number, Text
from services.values import (
    BillingInterval,
    BillingTiming,
    Duration,
    IntervalUnit,
    Item,
    ItemCategory,
    ItemChange,
    ItemKind,
    PriceModel,
    Pricing,
    TaxCategory,
    Tier,
)

LONGEST_YEARS = 100


def _unit(code: str) -> str:
    if code not in units():
        raise ValueError(
            "is not a unit of UN/ECE Rec 20, e.g. C62 (one), HUR (hour), MON (month) or XPP (piece)"
        )
    return code


Unit = Annotated[str, Field(pattern=r"^[A-Z0-9]{2,3}$", description="UN/ECE Rec 20"), AfterValidator(_unit)]


class DurationBody(Body):
    count: Annotated[int, Field(ge=1, le=1200)]
    unit: IntervalUnit

    @model_validator(mode="after")
    def _in_a_lifetime(self) -> "DurationBody":
        if self.unit is IntervalUnit.YEAR and self.count > LONGEST_YEARS:
            raise ValueError(f"is longer than {LONGEST_YEARS} years")
        return self

    def to_duration(self) -> Duration:
        return Duration(count=self.count, unit=self.unit)

    def to_interval(self) -> BillingInterval:
        return BillingInterval(count=self.count, unit=self.unit)


class TierBody(Body):
    up_to: Annotated[Number, Field(gt=0, max_digits=20, decimal_places=10)] | None = None
    unit_price: Price


class PricingBody(Body):
    """What used units cost: one `unitPrice`, or `tiers` of which the last has no `upTo`."""

    model: PriceModel = PriceModel.FLAT
    included_quantity: Annotated[Number, Field(ge=0, max_digits=20, decimal_places=10)] = Decimal(0)
    unit_price: Price | None = None
    tiers: Annotated[tuple[TierBody, ...], Field(min_length=1, max_length=100)] | None = None

    @model_validator(mode="after")
    def _one_price(self) -> "PricingBody":
        if (self.unit_price is None) == (self.tiers is None):
            raise ValueError("give either unitPrice or tiers")
        return self

    def to_pricing(self) -> Pricing:
        if self.unit_price is not None:
            tiers: tuple[Tier, ...] = (Tier(up_to=None, unit_price=self.unit_price),)
        else:
            tiers = tuple(Tier(up_to=t.up_to, unit_price=t.unit_price) for t in self.tiers or ())
        return Pricing(model=self.model, tiers=tiers, included_quantity=self.included_quantity)


class _Offer(Body):
    """What items and options have in common; what a kind needs is checked where it is decided."""

    name: Text
    kind: ItemKind
    unit_price: Price | None = None
    quantity: Quantity = Decimal(1)
    pricing: PricingBody | None = None
    unit: Unit = "C62"
    tax_category: TaxCategory = TaxCategory.STANDARD
    item_category: ItemCategory = ItemCategory.SERVICE
    billing_interval: DurationBody | None = None
    billing_timing: BillingTiming | None = None

    def _item(self, ident: str) -> Item:
        """The item; a plain unitPrice of a USAGE item is its flat pricing, and what is used is billed in arrears."""
        measured = self.kind is ItemKind.USAGE
        pricing = self.pricing.to_pricing() if self.pricing else None
        unit_price = self.unit_price
        if measured and pricing is None and unit_price is not None:
            pricing, unit_price = flat(unit_price), None
        return Item(
            item_ident=ident,
            name=self.name,
            kind=self.kind,
            unit=self.unit,
            unit_price=unit_price,
            quantity=self.quantity,
            pricing=pricing,
            tax_category=self.tax_category,
            item_category=self.item_category,
            billing_interval=self.billing_interval.to_interval() if self.billing_interval else None,
            billing_timing=self.billing_timing or (BillingTiming.INTERVAL_END if measured else None),
        )


class ItemBody(_Offer):
    """A contract's own item."""

    item_ident: Ident

    def to_item(self) -> Item:
        return self._item(self.item_ident)


class OptionBody(_Offer):
    """An option of a plan."""

    option_ident: Ident

    def to_item(self) -> Item:
        return self._item(self.option_ident)


class ItemRef(Body):
    """An item named by `optionIdent`, if it comes from a plan, or by `itemIdent`."""

    option_ident: Ident | None = None
    item_ident: Ident | None = None

    @model_validator(mode="after")
    def _one_name(self) -> "ItemRef":
        if (self.option_ident is None) == (self.item_ident is None):
            raise ValueError("name the item by either optionIdent or itemIdent")
        return self

    @property
    def ident(self) -> str:
        ident = self.item_ident if self.option_ident is None else self.option_ident
        assert ident is not None
        return ident

    @property
    def ident_field(self) -> str:
        """The field that names the item, as it was sent."""
        return "itemIdent" if self.option_ident is None else "optionIdent"


class ItemChangeBody(ItemRef):
    """New terms of an item; what is not sent stays."""

    name: Text | None = None
    unit_price: Price | None = None
    quantity: Quantity | None = None
    pricing: PricingBody | None = None
    unit: Unit | None = None
    tax_category: TaxCategory | None = None
    item_category: ItemCategory | None = None

    @model_validator(mode="after")
    def _changes_something(self) -> "ItemChangeBody":
        if self.to_change() == ItemChange(item_ident=self.ident):
            raise ValueError("changes nothing; send unitPrice, quantity or pricing")
        return self

    def to_change(self) -> ItemChange:
        return ItemChange(
            **self.model_dump(exclude={"option_ident", "item_ident", "pricing"}),
            item_ident=self.ident,
            pricing=self.pricing.to_pricing() if self.pricing else None,
        )


def changes(bodies: tuple[ItemChangeBody, ...], field: str) -> dict[str, ItemChange]:
    """Changes by the JSON path of the ident that names their item; `field` is the list they came in."""
    return {f"{field}[{i}].{body.ident_field}": body.to_change() for i, body in enumerate(bodies)}
