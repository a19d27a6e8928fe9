// One legend for all maps of a page: classes that a click lights up, or a bar for a continuous colour.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  if (data.gradient) return void root.replaceChildren(...bar(data));
  // A click shows at once and the next builds on it: the page's answer takes a moment.
  const draw = (lit) => root.replaceChildren(...data.classes.map((item) => chip(item, lit, toggle)));
  const toggle = (name) => {
    const lit = [...root.querySelectorAll("[aria-pressed=true]")].map((button) => button.textContent);
    const next = lit.includes(name) ? lit.filter((n) => n !== name) : [...lit, name];
    const all = next.length === data.classes.length ? [] : next;
    draw(all);
    setTriggerValue("lit", all);
  };
  draw(data.lit);
}

function chip({ name, colour }, lit, toggle) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = lit.includes(name) ? `Take ${name} out again` : `Light up ${name}`;
  button.setAttribute("aria-pressed", String(lit.includes(name)));
  button.classList.toggle("dim", lit.length > 0 && !lit.includes(name));
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.style.background = colour;
  button.append(dot, name);
  button.onclick = () => toggle(name);
  return button;
}

function bar({ title, gradient, low, high }) {
  const [name, from, colours, to] = ["span", "span", "span", "span"].map((tag) => document.createElement(tag));
  name.textContent = title;
  name.className = "title";
  from.textContent = low;
  to.textContent = high;
  colours.className = "gradient";
  colours.style.background = `linear-gradient(to right, ${gradient.join(", ")})`;
  return [name, from, colours, to];
}
