// The try-it page: send the form as one row, show what comes back, and send the truth about it.
"use strict";

const result = document.getElementById("result");
const truth = document.getElementById("truth");
let lastId = "";

function cell(field) {
  const text = field.value.trim();
  if (text === "") return null;
  if (field.dataset.kind === "boolean") return text === "true" ? true : text === "false" ? false : text;
  const isNumeric = field.dataset.kind === "number" || field.dataset.kind === "integer";
  return isNumeric && Number.isFinite(Number(text)) ? Number(text) : text;
}

async function send(path, body) {
  const headers = { "Content-Type": "application/json" };
  const token = document.getElementById("token");
  if (token && token.value) headers.Authorization = `Bearer ${token.value}`;
  try {
    const response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
    return await response.json();
  } catch (error) {
    return { error: { message: `No answer: ${error.message}` } };
  }
}

function line(name, text) {
  const row = document.createElement("tr");
  const head = document.createElement("th");
  const data = document.createElement("td");
  head.textContent = name;
  data.textContent = text;
  row.append(head, data);
  return row;
}

function show(answer) {
  result.replaceChildren();
  truth.hidden = !answer.predictions;
  if (answer.error) {
    const words = document.createElement("p");
    words.className = "error";
    words.textContent = [answer.error.message, answer.error.hint].filter(Boolean).join(" ");
    result.append(words);
    return;
  }
  const [prediction] = answer.predictions;
  lastId = prediction.id;
  const table = document.createElement("table");
  table.append(line("prediction", String(prediction.value)));
  for (const [name, share] of Object.entries(prediction.probabilities || {})) {
    table.append(line(`probability of ${name}`, share.toFixed(4)));
  }
  table.append(line("release", answer.release), line("id", prediction.id));
  result.append(table);
}

document.getElementById("ask").addEventListener("submit", async (event) => {
  event.preventDefault();
  const row = {};
  for (const field of event.target.querySelectorAll("[data-column]")) {
    if (field.dataset.optional && field.value.trim() === "") continue;
    row[field.dataset.column] = cell(field);
  }
  show(await send("predict", { rows: [row] }));
});

truth.addEventListener("submit", async (event) => {
  event.preventDefault();
  const field = document.getElementById("truth-value");
  const answer = await send("feedback", { labels: [{ id: lastId, value: cell(field) }] });
  document.getElementById("thanks").textContent = answer.error ? answer.error.message : "Kept, thank you.";
});
