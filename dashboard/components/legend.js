// One legend for all maps of a page: classes that a click lights up, or a bar for a continuous colour.
export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".root");
  root.replaceChildren(...(data.gradient ? bar(data) : data.classes.map((c) => chip(c, data, setTriggerValue))));
}

function chip({ name, colour }, { classes, lit }, setTriggerValue) {
  const button = document.createElement("button");
  button.type = "button";
  button.title = lit.includes(name) ? `Take ${name} out again` : `Light up ${name}`;
  button.setAttribute("aria-pressed", String(lit.includes(name)));
  button.classList.toggle("dim", lit.length > 0 && !lit.includes(name));
  const dot = document.createElement("span");
  dot.className = "dot";
  dot.style.background = colour;
  button.append(dot, name);
  button.onclick = () => {
    const next = lit.includes(name) ? lit.filter((n) => n !== name) : [...lit, name];
    setTriggerValue("lit", next.length === classes.length ? [] : next);
  };
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
