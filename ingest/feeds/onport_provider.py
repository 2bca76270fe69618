"""Attributes of Onport's dropship providers that have no effect here: kept and given back for code written for it.

They steer addresses, commissions and mails of orders. Names, values and defaults: its API reference. Its secrets
(`authenticationToken`, `authenticationSecret`, `commissionRateEndpointHash`) are not kept: nothing here uses them.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, StrictBool
from pydantic.alias_generators import to_camel

from schemas import attributes as a

Amount = Annotated[float, Field(strict=True, ge=-1e9, le=1e9)]
Texts = Annotated[list[a.ShortText], Field(max_length=a.MAX_JSON_LIST)]
Switch = Literal["enabled", "disabled"]
_KEPT = "kept, without effect"


class OnportProvider(BaseModel):
    """What is stored as it was sent."""

    model_config = ConfigDict(alias_generator=to_camel, validate_by_name=True, validate_by_alias=True, extra="ignore")

    external_id: a.ShortText | None = Field(None, description=_KEPT)
    address_line_one: a.ShortText | None = Field(None, description=_KEPT)
    address_line_two: a.ShortText | None = Field(None, description=_KEPT)
    address_routing: Literal["default", "requireAssigned"] | None = Field(None, description=_KEPT)
    admin_notes: a.LongText | None = Field(None, description=_KEPT)
    any_vendor: StrictBool = Field(False, description=_KEPT)
    apply_discount_code: StrictBool = Field(False, description=_KEPT)
    apply_return_penalty: Switch = Field("disabled", description=_KEPT)
    automatically_pickup: StrictBool | None = Field(None, description=_KEPT)
    automatically_send_label: StrictBool = Field(False, description=_KEPT)
    calculate_cost_prices: StrictBool | None = Field(None, description=_KEPT)
    city: a.ShortText | None = Field(None, description=_KEPT)
    combine_rates: StrictBool = Field(False, description=_KEPT)
    commission_gross_tax: StrictBool = Field(False, description=_KEPT)
    commission_method: Literal["retained", "reverse"] = Field("retained", description=_KEPT)
    commission_price_inventory_feed_id: a.Int32 | None = Field(None, description=_KEPT)
    commission_rate: Amount | None = Field(None, description=_KEPT)
    commission_rate_base: Literal["inventoryFeedVariant", "saleItem"] = Field("saleItem", description=_KEPT)
    commission_rate_discount: StrictBool | None = Field(None, description=_KEPT)
    commission_rate_discount_codes: Texts | None = Field(None, description=_KEPT)
    commission_rate_discount_scope: Literal["all", "selected", "exclude"] = Field("all", description=_KEPT)
    commission_rate_discount_split: Amount = Field(100.0, description=_KEPT)
    commission_rate_endpoint: a.UrlText | None = Field(None, description=_KEPT)
    commission_rate_fixed_type: Literal["set_to", "deduct_by"] = Field("deduct_by", description=_KEPT)
    commission_rate_shipping: Amount = Field(0.0, description=_KEPT)
    commission_rate_type: Literal["percentage", "fixed"] | None = Field(None, description=_KEPT)
    commission_reverse_tax_included: StrictBool | None = Field(None, description=_KEPT)
    commission_tax_calculation: Literal["disabled", "manual"] = Field("disabled", description=_KEPT)
    commission_tax_rate: Amount | None = Field(None, description=_KEPT)
    company_referral: a.ShortText | None = Field(None, description=_KEPT)
    countries: Texts | None = Field(None, description=_KEPT)
    country: a.ShortText | None = Field(None, description=_KEPT)
    country_filter: Literal["all", "include", "exclude"] = Field("all", description=_KEPT)
    currency_id: a.Int32 | None = Field(None, description=_KEPT)
    daily_email_batches: Literal["split", "combine"] = Field("split", description=_KEPT)
    default_address: Literal["default", "selected"] = Field("default", description=_KEPT)
