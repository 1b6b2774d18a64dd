"""How the report of an evaluation looks: light and dark, from 375 pixels on, and on paper."""

STYLE = """
:root { color-scheme: light dark; --paper: #f6f7f9; --card: #fff; --ink: #1b2330; --quiet: #5c6675; --edge: #dde2e9;
  --good: #23803a; --bad: #c2282d; --busy: #1f6fd6; }
@media (prefers-color-scheme: dark) { :root { --paper: #12161c; --card: #1b212a; --ink: #e6eaf0; --quiet: #9aa5b4;
  --edge: #2f3845; --good: #62c979; --bad: #ff7b7b; --busy: #69a8ff; } }
* { box-sizing: border-box; }
body { margin: 0 auto; max-width: 1120px; padding: 1.25rem 1.25rem 3rem; background: var(--paper); color: var(--ink);
  font: 15px/1.45 system-ui, -apple-system, "Segoe UI", Roboto, "Helvetica Neue", sans-serif; }
h1 { font-size: 1.4rem; margin: 0; } h2 { font-size: 1.15rem; margin: 0 0 .2rem; }
h3 { font-size: 1rem; margin: .9rem 0 .3rem; } p { margin: .2rem 0; }
h1, h2, h3, p, td, li { overflow-wrap: anywhere; }
.quiet, dt, th { color: var(--quiet); font-size: .875rem; }
section { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: 1.1rem 1.25rem;
  margin-top: 1.1rem; }
dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(150px, 1fr)); gap: .75rem; margin: 1rem 0 0; }
dl div { background: var(--card); border: 1px solid var(--edge); border-radius: 10px; padding: .6rem .8rem; }
dd { margin: 0; font-size: 1.1rem; overflow-wrap: anywhere; }
.charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(min(100%, 420px), 1fr)); gap: 1rem;
  margin-top: .8rem; align-items: start; }
.charts svg { border: 1px solid var(--edge); border-radius: 8px; width: 100%; }
.scroll { overflow-x: auto; } table { border-collapse: collapse; width: 100%; font-size: .9rem; }
th { text-align: left; font-weight: 600; } td, th { padding: .3rem .9rem .3rem 0; vertical-align: top; }
tr + tr td { border-top: 1px solid var(--edge); }
.n { text-align: right; font-variant-numeric: tabular-nums; white-space: nowrap; }
.good { color: var(--good); } .bad { color: var(--bad); } .faint td { color: var(--quiet); }
.gate td:nth-child(2) { min-width: 12rem; }
.mark { white-space: nowrap; font-weight: 600; }
@media (max-width: 480px) { body { padding: .75rem .6rem 2rem; } section { padding: .8rem .8rem; }
  td:first-child { min-width: 11rem; } .gate td:first-child { min-width: 0; } .gate tr:first-child { display: none; }
  .gate tr { display: grid; grid-template-columns: auto 1fr; padding: .4rem 0; border-top: 1px solid var(--edge); }
  .gate tr td { border: 0; padding: .1rem .7rem .1rem 0; } .gate td:last-child { grid-column: 1 / -1; } }
@media print { section { break-inside: avoid; } body { max-width: none; } }
"""
