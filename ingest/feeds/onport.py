"""Attributes of Onport's feeds that have no effect here: kept and given back for code written for it.

They steer what Onport does after the inventory is in: publishing, pricing, its caches. Names, values and defaults: its
API reference and its article on creating feeds.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, Field, StrictBool

from schemas import attributes as a


class OnportSettings(BaseModel):
    """What is stored as it was sent."""

    admin_notes: a.LongText | None = Field(None, description="kept, without effect")
    allocate_inventory: StrictBool = Field(False, description="kept, without effect")
    archive_reason: Literal["subscription", "other"] = Field("other", description="kept, without effect")
    automatically_connect_channel_variant: StrictBool | None = Field(None, description="kept, without effect")
    automatically_connect_option_values: StrictBool | None = Field(None, description="kept, without effect")
    automatically_connect_prefix: Literal["both", "prefixOnly"] = Field("both", description="kept, without effect")
    cache_changes: StrictBool = Field(False, description="kept, without effect")
    cache_imports: StrictBool = Field(False, description="kept, without effect")
    currency_id: a.Int32 | None = Field(None, description="kept, without effect")
    diff_previous: StrictBool = Field(True, description="kept, without effect")
    exclude_tags: Annotated[list[a.ShortText], Field(max_length=a.MAX_JSON_LIST)] | None = Field(
        None, description="kept, without effect: items with these tags are taken like others"
    )
    export_sku_threshold: a.Int32 | None = Field(None, description="kept, without effect")
    external_id_strategy: Literal["none", "options"] | None = Field(None, description="kept, without effect")
    force_all_inventory_updates: StrictBool = Field(False, description="kept, without effect")
    google_sheet_tab: a.ShortText | None = Field(None, description="kept, without effect")
    handle_prefix: a.ShortText | None = Field(None, description="kept, without effect")
    handle_strategy: Literal["externalGroupId", "externalGroupIdStart", "name"] = Field(
        "externalGroupId", description="kept, without effect"
    )
    publish_products: StrictBool | None = Field(None, description="kept, without effect")
    sync_all_price_lists: StrictBool | None = Field(None, description="kept, without effect")
    sync_description: StrictBool | None = Field(None, description="kept, without effect")
    sync_images: StrictBool | None = Field(None, description="kept, without effect")
    sync_name: StrictBool | None = Field(None, description="kept, without effect")
    sync_options: StrictBool | None = Field(None, description="kept, without effect")
    sync_pricing: StrictBool | None = Field(None, description="kept, without effect")
    sync_product_type: StrictBool | None = Field(None, description="kept, without effect")
    sync_weight: StrictBool | None = Field(None, description="kept, without effect")
