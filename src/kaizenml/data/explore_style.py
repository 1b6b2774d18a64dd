"""How the page of an exploration looks: light and dark, from 375 pixels on."""

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1b2330; --quiet: #5c6675; --edge: #dde2e9;
  --link: #1f5fbf; --busy: #1f6fd6; --waiting: #a86400; --bad: #c2282d; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --card: #1b212a; --ink: #e6eaf0; --quiet: #9aa5b4;
  --edge: #2f3845; --link: #7fb2ff; --busy: #69a8ff; --waiting: #f0b04c; --bad: #ff7b7b; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1240px; padding: 1.25rem 1.25rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.35rem; margin: 0; } h2 { font-size: 1.15rem; margin: 0; }
h3 { font-size: 1rem; margin: .75rem 0 .25rem; }
h1 .quiet { font-size: 1rem; font-weight: 400; }
p { margin: .15rem 0; } a { color: var(--link); text-decoration: none; }
h1, h2, p, b, td, dd, summary, .name { overflow-wrap: anywhere; }
.quiet, dt, th { color: var(--quiet); font-size: .875rem; }
nav { display: flex; flex-wrap: wrap; gap: .25rem 1rem; margin: .4rem 0; }
dl { margin: 0; } dd { margin: 0; }
.facts { display: grid; grid-template-columns: repeat(auto-fit, minmax(130px, 1fr)); gap: .75rem; margin: 1rem 0; }
.facts dd { font-size: 1.35rem; font-variant-numeric: tabular-nums; }
.facts div, section { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; }
.facts div { padding: .6rem .8rem; display: flex; flex-direction: column-reverse; justify-content: flex-end; }
section { padding: 1.1rem 1.25rem; margin-bottom: 1.1rem; }
.chip { display: inline-block; border: 1px solid currentColor; border-radius: 99px; padding: 0 .5rem; font-size: .78rem;
  color: var(--quiet); overflow-wrap: anywhere; }
.chip.leakage, .chip.target, .chip.contradiction, .chip.personal, .chip.large { color: var(--bad); }
.chip.drift, .chip.duplicate, .chip.telling, .chip.imbalance, .chip.moderate { color: var(--waiting); }
.findings { list-style: none; margin: .5rem 0 0; padding: 0; }
.findings li { padding: .7rem 0; border-top: 1px solid var(--edge); }
.findings li:first-child { border-top: 0; }
.do { display: flex; flex-wrap: wrap; align-items: baseline; gap: .1rem .6rem; }
code { font-size: .87rem; background: var(--paper); border: 1px solid var(--edge); padding: .15em .45em;
  border-radius: 5px; overflow-wrap: anywhere; white-space: pre-wrap; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 600; } td, th { padding: .25rem .75rem .25rem 0; vertical-align: top; }
tr + tr td { border-top: 1px solid var(--edge); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.views td:first-child { min-width: 6.5rem; } td .chip { overflow-wrap: normal; max-width: 60vw; }
.views, .cards { display: grid; gap: 1rem; margin-top: .75rem; align-items: start; }
.views { grid-template-columns: repeat(auto-fill, minmax(min(100%, 480px), 1fr)); }
.cards { grid-template-columns: repeat(auto-fill, minmax(min(100%, 260px), 1fr)); align-items: stretch; }
article, details { border: 1px solid var(--edge); border-radius: 8px; padding: .6rem .8rem; min-width: 0; }
article h3 { margin: 0; } summary { cursor: pointer; } details[open] summary { margin-bottom: .4rem; }
article dl div { display: flex; justify-content: space-between; gap: .75rem; font-size: .875rem; }
article dd { text-align: right; font-variant-numeric: tabular-nums; }
.histogram { display: block; width: 100%; height: 64px; margin-top: .5rem; } .histogram rect { fill: var(--busy); }
.axis { display: flex; justify-content: space-between; gap: .5rem; font-size: .78rem; margin-bottom: .4rem; }
.bar { display: inline-block; width: 100%; height: 9px; border-radius: 3px; vertical-align: middle; }
.bar-all { fill: var(--edge); } .bar-part { fill: var(--busy); } .bar line { stroke: var(--ink); stroke-width: 1; }
.mean { white-space: nowrap; min-width: 130px; width: 45%; font-variant-numeric: tabular-nums; }
.mean .bar { width: calc(100% - 4.2rem); margin-right: .5rem; }
.top { margin: .5rem 0; table-layout: fixed; } .top td:nth-child(2) { width: 30%; } .top td:last-child { width: 30%; }
.top td { border: 0; padding: .1rem .4rem .1rem 0; }
iframe { width: 100%; height: 80vh; border: 1px solid var(--edge); border-radius: 8px; background: #fff;
  margin-top: .6rem; }
@media (max-width: 480px) { body { padding: .75rem .6rem 2rem; } section { padding: .8rem .8rem; }
  .facts { grid-template-columns: 1fr 1fr; } .facts div:last-child:nth-child(odd) { grid-column: 1 / -1; }
  .mean { min-width: 110px; }
  .drift tr { display: grid; grid-template-columns: 1fr auto 4.5rem 5rem; border-top: 1px solid var(--edge); }
  .drift tr td { border: 0; } .drift tr :last-child { grid-column: 1 / -1; } .drift th.n { white-space: normal; } }
"""
