// What the room sees and may do: follow the screen, copy commands, vote. No key is listened to.
import { Screen } from "./screen.js";

const at = (id) => document.getElementById(id);
const screen = new Screen(at("screen"));
const SILENCE = 25000; // milliseconds without a word after which nobody may take the screen for what it is now
let question = null;
let mine = null; // {step, option}: what this viewer chose
let heard = 0;
let source = null;

function connect() {
  source?.close();
  source = new EventSource("stream");
  heard = Date.now();
  source.addEventListener("state", ({ data }) => state(JSON.parse(data)));
  source.addEventListener("screen", ({ data }) => { heard = Date.now(); screen.show(JSON.parse(data)); });
  source.addEventListener("commands", ({ data }) => JSON.parse(data).forEach(command));
  source.addEventListener("voted", ({ data }) => { mine = JSON.parse(data); ask(); });
  source.addEventListener("alive", () => { heard = Date.now(); });
  source.addEventListener("open", () => {
    heard = Date.now();
    at("commands").replaceChildren();
    at("none").hidden = false;
  });
  source.addEventListener("error", () => say("waits", "no connection"));
}

// A browser gives up where it was refused, and does not notice a network that is gone.
setInterval(() => {
  if (source.readyState === EventSource.CLOSED || Date.now() - heard > SILENCE) {
    say("waits", "no connection");
    connect();
  }
}, 3000);

function say(kind, words) {
  at("state").className = kind;
  at("state").textContent = words;
}

function state(now) {
  heard = Date.now();
  at("shown").className = now.paused ? "paused" : "";
  at("paused").hidden = !now.paused;
  at("paused").textContent = now.paused;
  say(now.paused ? "waits" : "live", now.paused ? "paused" : "live");
  question = now.question;
  ask();
}

function ask() {
  at("question").hidden = question === null;
  if (question === null) return;
  const chosen = mine !== null && mine.step === question.step ? mine.option : null;
  at("asked").textContent = question.text;
  at("options").replaceChildren(...question.options.map((text, option) => {
    const item = document.createElement("li");
    const button = document.createElement("button");
    button.type = "button";
    button.textContent = text;
    button.setAttribute("aria-pressed", String(option === chosen));
    button.addEventListener("click", () => vote(option));
    item.append(button);
    return item;
  }));
  at("vote").textContent = chosen === null ? "One vote each." : "Your vote is counted; another choice takes its place.";
}

async function vote(option) {
  const asked = question;
  const body = JSON.stringify({ step: asked.step, option });
  let words = "Your vote did not arrive. Try again.";
  try {
    const answer = await fetch("vote", { method: "POST", headers: { "Content-Type": "application/json" }, body });
    if (answer.ok) {
      mine = { step: asked.step, option };
      ask();
      return;
    }
    if (answer.status === 409) words = "This question is over.";
    if (answer.status === 429) words = "That was too fast. Try again.";
  } catch { /* the network is gone, which the words say */ }
  at("vote").textContent = words;
}

function command({ where, text }) {
  heard = Date.now();
  at("none").hidden = true;
  const item = document.createElement("li");
  const place = document.createElement("span");
  place.className = "where";
  place.textContent = where;
  const button = document.createElement("button");
  button.type = "button";
  button.textContent = "Copy";
  button.addEventListener("click", () => copy(text, button));
  const code = document.createElement("pre");
  code.textContent = text;
  item.append(place, button, code);
  at("commands").prepend(item);
}

async function copy(text, button) {
  let done = true;
  try {
    await navigator.clipboard.writeText(text);
  } catch {
    // Without https a browser has no clipboard of this kind.
    const area = document.createElement("textarea");
    area.value = text;
    area.className = "copied";
    document.body.append(area);
    area.select();
    done = document.execCommand("copy");
    area.remove();
  }
  button.textContent = done ? "Copied" : "Not copied";
  setTimeout(() => { button.textContent = "Copy"; }, 1500);
}

at("size").addEventListener("click", () => {
  screen.larger = !screen.larger;
  at("size").setAttribute("aria-pressed", String(screen.larger));
  screen.fit();
});
addEventListener("resize", () => screen.fit());
connect();
