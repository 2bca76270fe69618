"""The generated Python client goes an integrator's way: way.py ADDRESS TOKEN. Prints what it was told, as JSON."""

import json
import sys

from feedline_client import AuthenticatedClient
from feedline_client.api.dropship_providers import dropship_providers_create
from feedline_client.api.inventory_feed_variants import inventory_feed_variants_list
from feedline_client.api.inventory_feeds import (
    inventory_feeds_create,
    inventory_feeds_get,
    inventory_feeds_parse_webhook,
)
from feedline_client.models import FeedCreate, Item, ProviderCreate

client = AuthenticatedClient(sys.argv[1], sys.argv[2])
provider = dropship_providers_create.sync(client=client, body=ProviderCreate(name="Acme"))
feed = inventory_feeds_create.sync(
    client=client,
    body=FeedCreate.from_dict({"name": "Stock", "dropshipProviderId": provider.id, "resourceType": "webhook"}),
)
item = inventory_feeds_parse_webhook.sync(feed.id, client=client, body=Item(external_id="a-1", inventory_quantity=7))
(listed,) = inventory_feed_variants_list.sync(client=client, inventory_feed_id=feed.id)
missing = inventory_feeds_get.sync(2**40, client=client)
sys.stdout.write(json.dumps([feed.resource_type, item.inventory_quantity, listed.external_id, missing.title]))
