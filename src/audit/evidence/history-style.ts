/** Of the page with a subject's history: it fits a screen, and prints on A4. */
export const style = `
:root { font: 15px/1.5 "Noto Sans CJK SC", "Source Han Sans SC", "PingFang SC", "Microsoft YaHei", sans-serif; color: #1a1a1a; background: #fff }
body { max-width: 60rem; margin: 2rem auto; padding: 0 1rem }
h1 { margin: 0 } h2 { font-size: 1.15rem; margin: 0 0 .5rem }
header { border-bottom: 2px solid #1a1a1a; margin-bottom: 1rem }
section { border-top: 1px solid #999; padding-top: 1rem; margin-top: 1.5rem }
[lang=en] { color: #555; font-size: .85em }
.code { font-family: monospace; overflow-wrap: anywhere }
.note { font-size: .9rem }
table { border-collapse: collapse; width: 100% }
th { text-align: left; vertical-align: top; font-weight: normal; color: #333; width: 34%; padding: .15rem .5rem .15rem 0 }
td { vertical-align: top; overflow-wrap: anywhere; padding: .15rem .5rem .15rem 0 }
.data th, .data > tbody > tr > td { border-top: 1px solid #ddd }
.keys th { width: auto }
ol { margin: 0; padding-left: 1.2rem }
@page { size: A4; margin: 18mm 16mm }
@media print {
  body { max-width: none; margin: 0; padding: 0; font-size: 10pt }
  h2, .facts { break-after: avoid }
  tr { break-inside: avoid }
  thead { display: table-header-group }
}
`
