// The generated TypeScript client goes an integrator's way: way.js ADDRESS TOKEN. Prints what it was told, as JSON.
import createClient from "openapi-fetch";
import type { paths } from "./feedline.js";

declare const process: { argv: string[] };
const [baseUrl, token] = process.argv.slice(2);
const client = createClient<paths>({ baseUrl, headers: { Authorization: `Bearer ${token}` } });

const provider = await client.POST("/api/dropship-providers.json", { body: { name: "Acme" } });
const feed = await client.POST("/api/inventory-feeds.json", {
  body: { name: "Stock", dropshipProviderId: provider.data!.id, resourceType: "webhook" },
});
const item = await client.PUT("/api/inventory-feeds/{id}/parse-webhook.json", {
  params: { path: { id: feed.data!.id } },
  body: { externalId: "a-1", inventoryQuantity: 7 },
});
const listed = await client.GET("/api/inventory-feed-variants.json", {
  params: { query: { inventoryFeedId: feed.data!.id } },
});
const missing = await client.GET("/api/inventory-feeds/{id}.json", { params: { path: { id: 2 ** 40 } } });
const quantity = item.data && "inventoryQuantity" in item.data ? item.data.inventoryQuantity : null;
console.log(JSON.stringify([feed.data!.resourceType, quantity, listed.data![0].externalId, missing.error!.title]));
