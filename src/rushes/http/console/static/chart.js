/**
 * Charts of days: bars that stand on each other, or lines; drawn as SVG, in the page's colours.
 *
 * A chart is a slider for the keyboard and for screen readers: arrows go from day to day, and what
 * a day came to is told. The same numbers stand in a table beneath it.
 */

import { Fragment, Table, html, useId, useLayoutEffect, useRef, useState } from "./ui.js";

const HEIGHT = 168;
const TOP = 10;
const BOTTOM = 24;
const CHARACTER_PX = 6.6;
const LABEL_PX = 58;
const BAR_PX_MAX = 30;
const SECONDS = [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];

/** The step between readable ticks: 1, 2 or 5 of some power of ten, or what a clock counts in. */
export function stepOf(most, { ticks = 4, isTime = false, isWhole = false } = {}) {
  const least = most / ticks;
  if (isTime && least <= SECONDS.at(-1) && least > 0.5) return SECONDS.find((one) => one >= least);
  const power = 10 ** Math.floor(Math.log10(least || 1));
  const step = [1, 2, 5, 10].map((one) => one * power).find((one) => one >= least * 0.999);
  return isWhole ? Math.max(1, step) : step;
}

/** Ticks from 0 to what holds `most`. */
function ticksOf(most, options) {
  const step = stepOf(most || 1, options);
  return Array.from({ length: Math.max(1, Math.ceil((most || 1) / step - 1e-9)) + 1 }, (_, n) => n * step);
}

function useWidth() {
  const ref = useRef(null);
  const [width, setWidth] = useState(0);
  useLayoutEffect(() => {
    const measure = () => setWidth(Math.floor(ref.current.getBoundingClientRect().width));
    measure();
    const watch = new ResizeObserver(measure);
    watch.observe(ref.current);
    return () => watch.disconnect();
  }, []);
  return [ref, width];
}

/**
 * A chart. `days` are `{label, title}`, `series` are `{name, tone, values}` with a value for each
 * day, null where there is none. `told(value)` says a value with its unit, `ticked(value)` says it
 * on the axis; `total` is what stands beside the title.
 */
export function Chart({ title, total, note, days, series, kind = "bars", told, ticked = told, isTime, isWhole }) {
  const [ref, width] = useWidth();
  const [place, setPlace] = useState(null);
  const id = useId();
  const most = highest(series, days.length, kind);
  const ticks = ticksOf(most, { isTime, isWhole });
  const left = Math.ceil(Math.max(...ticks.map((tick) => ticked(tick).length)) * CHARACTER_PX) + 10;
  const plot = { left, right: width - 4, top: TOP, bottom: HEIGHT - BOTTOM, most: ticks.at(-1), count: days.length };
  const shown = place === null ? null : Math.min(place, days.length - 1);
  const words = shown === null ? "" : wordsOf(days[shown], series, shown, told);
  return html`<figure class="chart" aria-labelledby=${`${id}-title`}>
    <figcaption>
      <h2 id=${`${id}-title`}>${title}</h2>
      <strong class="total">${total}</strong>
      ${note && html`<span class="small soft">${note}</span>`}
    </figcaption>
    <div
      class="plot"
      ref=${ref}
      role="slider"
      tabindex="0"
      aria-labelledby=${`${id}-title`}
      aria-valuemin="0"
      aria-valuemax=${days.length - 1}
      aria-valuenow=${shown ?? days.length - 1}
      aria-valuetext=${words || `${total}; arrows tell each day`}
      onKeyDown=${(event) => onKey(event, shown, days.length, setPlace)}
      onPointerMove=${(event) => setPlace(placeAt(event, plot))}
      onPointerDown=${(event) => setPlace(placeAt(event, plot))}
      onPointerLeave=${() => setPlace(null)}
      onBlur=${() => setPlace(null)}
    >
      ${width > 0 &&
      html`<svg width=${width} height=${HEIGHT} viewBox=${`0 0 ${width} ${HEIGHT}`} aria-hidden="true" focusable="false">
        <${Axes} plot=${plot} ticks=${ticks} ticked=${ticked} days=${days} />
        ${shown !== null && html`<rect class="here" x=${slot(plot, shown).left} y=${TOP} width=${slot(plot, shown).width} height=${plot.bottom - TOP} />`}
        ${kind === "bars" ? html`<${Bars} plot=${plot} series=${series} />` : html`<${Lines} plot=${plot} series=${series} />`}
      </svg>`}
    </div>
    ${series.length > 1 &&
    html`<ul class="tones small">${series.map(({ name, tone }) => html`<li key=${name} class=${`tone-${tone}`}>${name}</li>`)}</ul>`}
    <p class="readout small" aria-hidden="true">${words || " "}</p>
    <details class="small">
      <summary>As a table<span class="unseen">: ${title}</span></summary>
      <${Table} caption=${title} rows=${days.map((day, n) => ({ day, n }))} keyOf=${(row) => row.day.title} columns=${columnsOf(series, told)} />
    </details>
  </figure>`;
}

function columnsOf(series, told) {
  return [
    { name: "Day", of: (row) => row.day.title },
    ...series.map(({ name, values }) => ({
      name,
      isNumber: true,
      of: (row) => (values[row.n] == null ? html`<span class="soft">–</span>` : told(values[row.n])),
    })),
  ];
}

function highest(series, count, kind) {
  if (kind === "lines") return Math.max(0, ...series.flatMap(({ values }) => values.filter((value) => value != null)));
  const sums = Array.from({ length: count }, (_, n) => series.reduce((sum, { values }) => sum + (values[n] ?? 0), 0));
  return Math.max(0, ...sums);
}

function wordsOf(day, series, n, told) {
  const parts = series.map(({ name, values }) => {
    const value = values[n] == null ? "none" : told(values[n]);
    return series.length > 1 ? `${name} ${value}` : value;
  });
  return `${day.title}: ${parts.join(", ")}`;
}

const slot = ({ left, right, count }, n) => {
  const width = (right - left) / count;
  return { left: left + n * width, width };
};

const height = ({ top, bottom, most }, value) => (most > 0 ? ((bottom - top) * value) / most : 0);

function placeAt(event, { left, right, count }) {
  const x = event.clientX - event.currentTarget.getBoundingClientRect().left;
  return Math.max(0, Math.min(count - 1, Math.floor(((x - left) / (right - left)) * count)));
}

function onKey(event, shown, count, setPlace) {
  const moves = { ArrowLeft: -1, ArrowDown: -1, ArrowRight: 1, ArrowUp: 1, PageUp: 7, PageDown: -7 };
  let next;
  if (event.key in moves) next = shown === null ? count - 1 : shown + moves[event.key];
  else if (event.key === "Home") next = 0;
  else if (event.key === "End") next = count - 1;
  else return;
  event.preventDefault();
  setPlace(Math.max(0, Math.min(count - 1, next)));
}

function Axes({ plot, ticks, ticked, days }) {
  const every = Math.max(1, Math.ceil(days.length / Math.max(1, Math.floor((plot.right - plot.left) / LABEL_PX))));
  return html`
    ${ticks.map((tick) => {
      const y = plot.bottom - height(plot, tick);
      return html`<${Fragment} key=${tick}>
        <line class=${tick === 0 ? "ground" : "rule"} x1=${plot.left} x2=${plot.right} y1=${y} y2=${y} />
        <text x=${plot.left - 8} y=${y + 4} text-anchor="end">${ticked(tick)}</text>
      <//>`;
    })}
    ${days.map((day, n) => {
      if ((days.length - 1 - n) % every) return null;
      const { left, width } = slot(plot, n);
      const isLast = n === days.length - 1 && days.length > 1;
      return html`<text key=${n} x=${isLast ? plot.right : left + width / 2} y=${HEIGHT - 6} text-anchor=${isLast ? "end" : "middle"}>${day.label}</text>`;
    })}
  `;
}

function Bars({ plot, series }) {
  return Array.from({ length: plot.count }, (_, n) => {
    const { left, width } = slot(plot, n);
    const bar = Math.max(1, Math.min(BAR_PX_MAX, width * 0.72));
    let y = plot.bottom;
    return series.map(({ tone, values }, place) => {
      const tall = height(plot, values[n] ?? 0);
      if (!tall) return null;
      y -= Math.max(1, tall);
      return html`<rect key=${`${n} ${place}`} class=${`fill tone-${tone}`} x=${left + (width - bar) / 2} y=${y} width=${bar} height=${Math.max(1, tall)} />`;
    });
  });
}

function Lines({ plot, series }) {
  return series.map(({ name, tone, values, isDashed }) => {
    const points = values.map((value, n) => {
      if (value == null) return null;
      const { left, width } = slot(plot, n);
      return [left + width / 2, plot.bottom - height(plot, value)];
    });
    return html`<g key=${name} class=${`stroke tone-${tone} ${isDashed ? "dashed" : ""}`}>
      <path d=${pathOf(points)} />
      ${points.map((point, n) => point && html`<circle key=${n} cx=${point[0]} cy=${point[1]} r="2.5" />`)}
    </g>`;
  });
}

/** A line through the points that are there, with gaps where none is. */
function pathOf(points) {
  let isDown = false;
  return points
    .map((point) => {
      const told = point && `${isDown ? "L" : "M"}${point[0].toFixed(1)} ${point[1].toFixed(1)}`;
      isDown = Boolean(point);
      return told ?? "";
    })
    .join("");
}
