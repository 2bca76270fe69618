// Draws the API's page from openapi.json. No library, no network but this document; all text is set as text, never as HTML.
"use strict";

const METHODS = ["get", "post", "put", "patch", "delete"];
const MAX_NESTING = 4;
let api;
let shared = new Set();  // statuses that every operation may answer

function make(name, attributes = {}, ...children) {
  const element = document.createElement(name);
  for (const [key, value] of Object.entries(attributes)) {
    if (key.startsWith("on")) element.addEventListener(key.slice(2), value);
    else if (value !== undefined && value !== false) element.setAttribute(key, value === true ? "" : value);
  }
  element.append(...children.filter((child) => child !== null && child !== undefined));
  return element;
}

// `code` in a text becomes an element; nothing else of Markdown is used in the document.
function prose(text) {
  return text.split("`").map((part, index) => (index % 2 ? make("code", {}, part) : part));
}

function resolve(schema) {
  return schema && schema.$ref ? api.components.schemas[schema.$ref.split("/").pop()] : schema || {};
}

function parts(schema) {
  const found = resolve(schema);
  const options = (found.anyOf || found.oneOf || []).filter((option) => resolve(option).type !== "null");
  return { found, options, nullable: (found.anyOf || found.oneOf || []).some((option) => resolve(option).type === "null") };
}

function propertiesOf(schema) {
  const { found, options } = parts(schema);
  if (found.allOf) {
    return found.allOf.map(propertiesOf).reduce((all, some) => ({
      properties: { ...all.properties, ...some.properties }, required: [...all.required, ...some.required],
    }));
  }
  if (found.type === "array") return propertiesOf(found.items);
  if (options.length) return propertiesOf(options.find((option) => Object.keys(propertiesOf(option).properties).length) || {});
  return { properties: found.properties || {}, required: found.required || [] };
}

function typeOf(schema) {
  const { found, options, nullable } = parts(schema);
  let name;
  if (found.enum) name = found.enum.map((value) => JSON.stringify(value)).join(" | ");
  else if (found.const !== undefined) name = JSON.stringify(found.const);
  else if (options.length) name = [...new Set(options.map(typeOf))].join(" or ");
  else if (found.type === "array") name = `array of ${typeOf(found.items)}`;
  else if (Array.isArray(found.type)) name = found.type.join(" or ");
  else name = found.type ? `${found.type}${found.format ? ` (${found.format})` : ""}` : found.allOf ? "object" : "any";
  return nullable ? `${name} or null` : name;
}

function limits(schema) {
  const { found, options } = parts(schema);
  const of = options.length === 1 ? { ...found, ...resolve(options[0]) } : found;
  const said = [];
  if (of.minimum !== undefined && of.minimum > -1e9) said.push(`at least ${of.minimum}`);
  if (of.maximum !== undefined && of.maximum < 2 ** 31 - 1) said.push(`at most ${of.maximum}`);
  if (of.maxLength !== undefined) said.push(`up to ${of.maxLength} characters`);
  if (of.maxItems !== undefined) said.push(`up to ${of.maxItems}`);
  if (found.default !== undefined && found.default !== null) said.push(`default ${JSON.stringify(found.default)}`);
  return said.join(", ");
}

function described(schema) {
  const { found, options } = parts(schema);
  return schema.description || found.description || (options.length === 1 && resolve(options[0]).description) || "";
}

function attribute(name, schema, required, depth) {
  const inner = depth < MAX_NESTING ? Object.keys(propertiesOf(schema).properties).length : 0;
  const said = described(schema);
  const text = [said, /characters/.test(said) ? "" : limits(schema)].filter(Boolean).join(" · ");
  return make("div", {},
    make("dt", {}, make("code", {}, name), make("span", { class: "type" }, typeOf(schema)),
      required ? make("span", { class: "required" }, "required") : null),
    text ? make("dd", {}, ...prose(text)) : null,
    inner ? make("dd", {}, folded("attributes", () => attributes(schema, depth + 1))) : null);
}

function attributes(schema, depth = 0) {
  const { properties, required } = propertiesOf(schema);
  return make("dl", { class: "attributes" },
    ...Object.entries(properties).map(([name, one]) => attribute(name, one, required.includes(name), depth)));
}

// Drawn when it is opened, so that a large document is quick to show.
function folded(title, draw, open = false) {
  const element = make("details", { open }, make("summary", {}, title));
  const fill = () => element.open && element.children.length === 1 && element.append(draw());
  element.addEventListener("toggle", fill);
  fill();
  return element;
}

function example(schema, depth = 0) {
  const { found, options } = parts(schema);
  const given = schema.examples || found.examples;
  if (given) return given[0];
  if (found.const !== undefined) return found.const;
  if (found.default !== undefined) return found.default;
  if (found.enum) return found.enum[0];
  if (found.allOf) return Object.assign({}, ...found.allOf.map((one) => example(one, depth)));
  if (options.length) return example(options[0], depth);
  const type = Array.isArray(found.type) ? found.type[0] : found.type;
  if (type === "array") return depth < MAX_NESTING && found.items && Object.keys(found.items).length ? [example(found.items, depth + 1)] : [];
  if (type === "integer" || type === "number") return found.minimum > 0 ? found.minimum : type === "integer" ? 1 : 1.5;
  if (type === "boolean") return true;
  if (type === "string") return sampleText(found);
  if (!found.properties || depth >= MAX_NESTING) return {};
  return Object.fromEntries(Object.entries(found.properties)
    .filter(([name]) => name !== "warnings").map(([name, one]) => [name, example(one, depth + 1)]));
}

function sampleText(schema) {
  if (schema.format === "date-time") return "2026-01-31T12:00:00Z";
  if (schema.format === "date") return "2026-01-31";
  if (schema.format === "uuid") return "0193e6a0-0000-8000-8000-000000000000";
  return "text";
}

function bodyOf(operation) {
  const content = operation.requestBody && operation.requestBody.content["application/json"];
  if (!content) return undefined;
  if (content.example !== undefined) return content.example;
  const { required } = propertiesOf(content.schema);
  const whole = example(content.schema);
  if (!required.length || Array.isArray(whole)) return whole;
  return Object.fromEntries(Object.entries(whole).filter(([name]) => required.includes(name)));
}

function curlOf(method, path, operation) {
  const [{ url }] = operation.servers || api.servers;
  const server = url === "/" ? location.origin : url.replace(/\/$/, "");
  const filled = path.replace(/\{(\w+)\}/g, (_, name) => (name === "id" ? "1" : `$${name.toUpperCase()}`));
  const query = (operation.parameters || []).filter((one) => one.in === "query" && one.required)
    .map((one) => `${one.name}=${example(one.schema)}`).join("&");
  const lines = [`curl${method === "get" ? "" : ` -X ${method.toUpperCase()}`} '${server}${filled}${query ? `?${query}` : ""}'`];
  if (operation.servers) lines.push('-H "jetti-webhook-hash: $HASH"');
  else if (!operation.security || operation.security.length) lines.push(`-H "Authorization: Bearer ${tokenShown()}"`);
  const body = bodyOf(operation);
  if (body !== undefined) {
    lines.push("-H 'Content-Type: application/json'", `-d '${JSON.stringify(body).replaceAll("'", "'\\''")}'`);
  }
  return lines.join(" \\\n  ");
}

function tokenShown() {
  const field = document.getElementById("token");
  return (field && field.value.trim()) || "$FEEDLINE_TOKEN";
}

function sample(caption, text, json = false) {
  const pre = make("pre", { tabindex: "0" });
  const show = (value) => { pre.replaceChildren(...(json ? coloured(value) : [value])); };
  show(text);
  const button = make("button", { type: "button", onclick: () => copy(pre.textContent, button) }, "Copy");
  const element = make("figure", { class: "sample" },
    make("figcaption", {}, make("span", {}, caption), button), pre);
  element.show = show;
  return element;
}

function coloured(text) {
  return text.split(/("(?:[^"\\]|\\.)*"(?:\s*:)?|\b(?:true|false|null)\b|-?\d[\d.eE+-]*)/).map((part, index) => {
    if (index % 2 === 0) return part;
    const kind = part.endsWith(":") ? "key" : part.startsWith('"') ? "text" : "other";
    return make("span", { class: kind }, part);
  });
}

async function copy(text, button) {
  try {
    await navigator.clipboard.writeText(text);
  } catch {  // no clipboard without https: the old way
    const area = make("textarea", {}, text);
    document.body.append(area);
    area.select();
    document.execCommand("copy");
    area.remove();
  }
  button.textContent = "Copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

function answerOf(operation) {
  for (const [status, response] of Object.entries(operation.responses)) {
    const content = response.content && response.content["application/json"];
    if (status.startsWith("2") && content) return { status, schema: content.schema };
  }
  return null;
}

// An answer repeats what the example of the body says.
function answered(operation, schema) {
  const whole = example(schema);
  const body = bodyOf(operation);
  if (!body || Array.isArray(body) || Array.isArray(whole)) return whole;
  return { ...whole, ...Object.fromEntries(Object.entries(body).filter(([name]) => name in whole)) };
}

function parametersOf(operation, where, title) {
  const found = (operation.parameters || []).filter((one) => one.in === where);
  if (!found.length) return null;
  return make("div", {}, make("h4", {}, title), make("dl", { class: "attributes" }, ...found.map((one) =>
    attribute(one.name, { ...one.schema, description: one.description || one.schema.description }, one.required && where !== "path", MAX_NESTING))));
}

// What every operation may answer is said once, in the introduction.
function common() {
  const [first, ...rest] = ofTheApi().map(({ operation }) => operation.responses);
  return Object.keys(first).filter((status) => status >= "4" && rest.every((one) => one[status])
    && rest.filter((one) => one[status].description === first[status].description).length > rest.length / 2);
}

function statuses(operation) {
  const usual = Object.entries(ofTheApi()[0].operation.responses);
  const said = (status, response) => shared.has(status) && usual.some(([one, { description }]) => one === status && description === response.description);
  return make("ul", { class: "statuses" }, ...Object.entries(operation.responses).filter(([status, response]) => !said(status, response)).map(([status, response]) =>
    make("li", {}, make("code", { class: status < "300" ? "good" : status >= "400" ? "bad" : "" }, status),
      make("span", {}, ...prose(response.description)))));
}

function section(method, path, operation) {
  const scope = (operation.description || "").match(/Scope: `(\w+)`/);
  const text = (operation.description || "").replace(/\s*Scope: `\w+`\.?/, "");
  const content = operation.requestBody && Object.entries(operation.requestBody.content);
  const answer = answerOf(operation);
  const curl = sample("curl", curlOf(method, path, operation));
  curl.classList.add("curl");
  curl.again = () => curl.show(curlOf(method, path, operation));
  const left = make("div", {}, ...(text ? [make("p", {}, ...prose(text))] : []),
    parametersOf(operation, "query", "Query parameters"), parametersOf(operation, "header", "Headers"),
    content ? make("h4", {}, `Body${operation.requestBody.required ? "" : " (optional)"}`) : null,
    ...(content || []).map(([media, { schema }]) => (media === "application/json" ? attributes(schema) : make("p", {}, ...prose(`or \`${media}\``)))),
    answer ? make("h4", {}, "Answer") : null,
    answer ? folded(`${answer.status}: ${typeOf(answer.schema)}`, () => attributes(answer.schema)) : null,
    make("h4", {}, "Statuses"), statuses(operation));
  const right = make("div", { class: "side" }, curl, operation.servers ? tryIt(operation) : null,
    answer ? sample(`answer ${answer.status}`, JSON.stringify(answered(operation, answer.schema), null, 2), true) : null);
  return make("article", { class: "operation", id: operation.operationId },
    make("header", {},
      make("h3", {}, make("a", { href: `#${operation.operationId}` }, operation.summary)),
      make("div", { class: "route" }, make("span", { class: `method ${method}` }, method.toUpperCase()),
        make("code", {}, ...path.split(/(\{\w+\})/).map((part) => (part.startsWith("{") ? make("em", {}, part) : part))),
        scope ? make("span", { class: "scope", title: "what the token must be allowed to do" }, `scope ${scope[1]}`) : null)),
    left, right);
}

function intro() {
  const fact = (title, text) => make("div", {}, make("b", {}, title), ...prose(text));
  const field = make("input", { id: "token", type: "password", placeholder: "feedline_…", autocomplete: "off", spellcheck: "false",
    oninput: () => document.querySelectorAll(".curl").forEach((one) => one.again()) });
  return [
    make("h1", {}, api.info.title),
    make("p", {}, api.info.description),
    make("div", { class: "facts" },
      fact("JSON", "camelCase attributes; lists are bare arrays; an omitted attribute stays, null clears."),
      fact("Pages", "`limit` and `after`; follow the `Link` header with rel=\"next\"."),
      fact("Errors", "RFC 7807 problems: `title` is a code for programs, `details` has one entry a field."),
      fact("Two editors", "send the `ETag` back as `If-Match`; 412 says that someone was faster."),
      fact("Unknown attributes", "are ignored and reported: `warnings` and the `Warning` header."),
      fact("Rate limit", "when the account has one: 429 with `Retry-After`.")),
    make("p", {}, "Besides what stands with it, every operation may answer:"),
    make("ul", { class: "statuses" }, ...[...shared].map((status) => make("li", {}, make("code", { class: "bad" }, status),
      make("span", {}, ...prose(ofTheApi()[0].operation.responses[status].description))))),
    make("div", { class: "token" }, make("label", { for: "token" }, "Your token"), field,
      make("small", {}, "Fills in the curl lines below, and lets you try the webhook in your sandbox. It stays on this page: it is not stored, and sent to this API alone.")),
  ];
}

function operationsOf() {
  return Object.entries(api.paths).flatMap(([path, item]) =>
    METHODS.filter((method) => item[method]).map((method) => ({ path, method, operation: item[method], tag: item[method].tags[0] })));
}

function ofTheApi() {
  return operationsOf().filter(({ operation }) => !operation.servers);
}

// Posts to the webhook by way of the API, with the hash of the caller's sandbox: an account of its own, so nothing real is touched.
function tryIt(operation) {
  const body = make("textarea", { rows: "7", spellcheck: "false", "aria-label": "Body" });
  body.value = JSON.stringify(bodyOf(operation), null, 2);
  const told = make("pre", { tabindex: "0", role: "status" }, "Nothing sent yet.");
  const send = async () => {
    const token = document.getElementById("token").value.trim();
    if (!token) {
      told.replaceChildren("Fill in your token at the top of this page first: it needs scope write.");
      document.getElementById("token").focus();
      return;
    }
    button.disabled = true;
    told.replaceChildren("Sending …");
    try {
      const answer = await fetch("sandbox/parse-webhooks.json", {
        method: "POST", headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" }, body: body.value });
      told.replaceChildren(...coloured(JSON.stringify(await answer.json(), null, 2)));
    } catch (error) {
      told.replaceChildren(`No answer: ${error.message}`);
    }
    button.disabled = false;
  };
  const button = make("button", { type: "button", onclick: send }, "Send");
  return make("figure", { class: "sample try" },
    make("figcaption", {}, make("span", {}, "try it in your sandbox"), button), body, told);
}

function draw() {
  const all = operationsOf();
  shared = new Set(common());
  const nav = document.getElementById("nav");
  const body = document.getElementById("operations");
  document.getElementById("version").textContent = api.info.version;
  document.getElementById("intro").replaceChildren(...intro());
  for (const { name } of api.tags) {
    const group = all.filter((one) => one.tag === name);
    nav.append(make("section", {}, make("h2", {}, name), ...group.map(({ method, path, operation }) =>
      make("a", { href: `#${operation.operationId}`, "data-find": [method, path, operation.summary, operation.operationId, operation.description].join(" ").toLowerCase() },
        make("span", { class: `method ${method}` }, method === "delete" ? "DEL" : method.toUpperCase()), operation.summary))));
    body.append(make("section", {}, make("h2", { class: "group" }, name),
      ...group.map(({ method, path, operation }) => section(method, path, operation))));
  }
}

function search(text) {
  const words = text.toLowerCase().split(/\s+/).filter(Boolean);
  let found = 0;
  for (const link of document.querySelectorAll("nav a")) {
    const hit = words.every((word) => link.dataset.find.includes(word));
    link.hidden = !hit;
    link.style.display = hit ? "" : "none";
    document.getElementById(link.hash.slice(1)).style.display = hit ? "" : "none";
    found += hit;
  }
  for (const group of document.querySelectorAll("nav section, #operations > section")) {
    const shown = [...group.children].slice(1).some((child) => child.style.display !== "none");
    group.style.display = shown ? "" : "none";
  }
  document.getElementById("intro").style.display = words.length ? "none" : "";
  document.getElementById("nothing").hidden = found > 0;
}

function watchScroll() {
  const nav = document.getElementById("nav");
  const links = new Map([...document.querySelectorAll("nav a")].map((link) => [link.hash.slice(1), link]));
  const observer = new IntersectionObserver((entries) => {
    for (const entry of entries) {
      if (!entry.isIntersecting) continue;
      links.forEach((link) => link.classList.remove("here"));
      const here = links.get(entry.target.id);
      here.classList.add("here");
      if (here.offsetTop < nav.scrollTop || here.offsetTop + here.offsetHeight > nav.scrollTop + nav.clientHeight) {
        nav.scrollTop = here.offsetTop - nav.clientHeight / 2;
      }
    }
  }, { rootMargin: "-5% 0px -85% 0px" });
  document.querySelectorAll(".operation").forEach((one) => observer.observe(one));
}

function listen() {
  const field = document.getElementById("search");
  field.addEventListener("input", () => search(field.value));
  document.addEventListener("keydown", (event) => {
    if (event.key === "/" && !/input|textarea/i.test(document.activeElement.tagName)) {
      event.preventDefault();
      field.focus();
    } else if (event.key === "Escape" && document.activeElement === field) {
      field.value = "";
      search("");
      field.blur();
    }
  });
}

fetch("openapi.json").then((answer) => answer.json()).then((document_) => {
  api = document_;
  draw();
  listen();
  watchScroll();
  if (location.hash) document.getElementById(location.hash.slice(1))?.scrollIntoView({ behavior: "instant" });
});
