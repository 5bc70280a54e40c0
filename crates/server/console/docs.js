// Shows openapi.json: every route with its parameters, what it takes and what it answers.

const make = (name, text, attributes = {}) => {
  const node = document.createElement(name);
  if (text !== undefined) node.textContent = text;
  for (const [key, value] of Object.entries(attributes)) node.setAttribute(key, value);
  return node;
};

// A text in which what stands in backticks is code.
const prose = (name, text, attributes) => {
  const node = make(name, "", attributes);
  const parts = (text ?? "").split("`");
  parts.forEach((part, at) => node.append(at % 2 === 1 ? make("code", part) : part));
  return node;
};

const resolve = (api, schema) => {
  if (!schema?.$ref) return schema;
  const parts = schema.$ref.replace(/^#\//, "").split("/");
  return parts.reduce((found, part) => found?.[part], api);
};

const nameOf = (schema) => schema?.$ref?.split("/").pop();

// A schema as a sketch of what it describes, a few levels deep.
const sketch = (api, schema, depth = 0) => {
  if (!schema) return "…";
  const name = nameOf(schema);
  if (name && depth > 1) return name;
  const found = resolve(api, schema);
  if (!found) return name ?? "…";
  const variants = found.oneOf ?? found.anyOf;
  if (variants) {
    const shown = variants.filter((one) => one.type !== "null");
    const nullable = shown.length < variants.length ? " | null" : "";
    return shown.map((one) => sketch(api, one, depth)).join(" | ") + nullable;
  }
  if (found.allOf) {
    const all = found.allOf.map((one) => resolve(api, one));
    const properties = Object.assign({}, ...all.map((one) => one?.properties ?? {}));
    const required = all.flatMap((one) => one?.required ?? []);
    return sketch(api, { type: "object", properties, required }, depth);
  }
  const types = [found.type].flat().filter(Boolean);
  if (found.properties) {
    const pad = "  ".repeat(depth + 1);
    const lines = Object.entries(found.properties).map(([key, value]) => {
      const mark = found.required?.includes(key) ? "" : "?";
      const about = value.description ? `  // ${value.description.split("\n")[0]}` : "";
      return `${pad}${key}${mark}: ${sketch(api, value, depth + 1)}${about}`;
    });
    return `{\n${lines.join("\n")}\n${"  ".repeat(depth)}}`;
  }
  if (types.includes("array")) return `[${sketch(api, found.items, depth)}]`;
  if (found.enum) return found.enum.map((one) => JSON.stringify(one)).join(" | ");
  return types.join(" | ") || "any";
};

const parametersOf = (api, operation) => {
  const table = make("table");
  for (const raw of operation.parameters ?? []) {
    const parameter = resolve(api, raw);
    const row = make("tr");
    row.append(make("td"));
    row.firstChild.append(make("code", parameter.name));
    const needed = parameter.required ? "" : ", optional";
    row.append(make("td", `${parameter.in}${needed}`, { class: "dim" }));
    row.append(prose("td", parameter.description));
    table.append(row);
  }
  return table.childElementCount ? table : null;
};

const contentsOf = (api, title, content) => {
  const parts = [];
  for (const [type, { schema }] of Object.entries(content ?? {})) {
    parts.push(make("p", `${title} `, { class: "dim" }));
    parts.at(-1).append(make("code", type));
    parts.push(make("pre", sketch(api, schema), { tabindex: "0" }));
    for (const example of resolve(api, schema)?.examples ?? []) {
      parts.push(make("p", "for example", { class: "dim" }));
      parts.push(make("pre", JSON.stringify(example, null, 2), { tabindex: "0" }));
    }
  }
  return parts;
};

const show = (api, method, path, operation) => {
  const details = make("details", undefined, { id: operation.operationId ?? path });
  const summary = make("summary");
  summary.append(make("b", method.toUpperCase()), make("code", path));
  details.append(summary);
  const inner = make("div");
  const about = [operation.summary, operation.description].filter(Boolean).join(" ");
  inner.append(prose("p", about));
  const parameters = parametersOf(api, operation);
  if (parameters) inner.append(parameters);
  const body = resolve(api, operation.requestBody);
  if (body) inner.append(...contentsOf(api, "takes", body.content));
  for (const [status, raw] of Object.entries(operation.responses ?? {})) {
    const response = resolve(api, raw);
    const title = `${status}: ${response.description || "answers"}`;
    const shown = contentsOf(api, title, response.content);
    inner.append(...(shown.length ? shown : [make("p", title, { class: "dim" })]));
  }
  details.append(inner);
  return details;
};

const api = await (await fetch("/openapi.json")).json();
document.getElementById("about").textContent = `${api.info.description} Version ${api.info.version}.`;
const byTag = new Map();
for (const [path, item] of Object.entries(api.paths)) {
  for (const method of ["get", "post"]) {
    const operation = item[method];
    if (!operation) continue;
    const tag = operation.tags?.[0] ?? "other";
    if (!byTag.has(tag)) byTag.set(tag, []);
    byTag.get(tag).push(show(api, method, path, operation));
  }
}
const routes = document.getElementById("routes");
routes.textContent = "";
for (const [tag, shown] of byTag) {
  routes.append(make("h2", tag, { id: tag }), ...shown);
  document.getElementById("contents").append(make("a", tag, { href: `#${tag}` }));
}

// What the address names was not there yet when the browser looked for it.
const showNamed = () => {
  const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
  if (!named) return;
  if (named.localName === "details") named.open = true;
  named.scrollIntoView();
};
addEventListener("hashchange", showNamed);
showNamed();
