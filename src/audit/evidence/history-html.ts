import type { Rules } from '../../catalogue/rules.ts'
import { isJsonObject, type Json, type JsonObject, type Text } from '../../domain/text.ts'
import type { Evidence } from './evidence.ts'
import type { History, ToldEvent, ToldKey } from './history.ts'

/** What was exchanged about a subject, for people: one page in Chinese and English, without scripts, that prints on A4. */
export function historyHtml(evidence: Evidence, { events, keys, origin }: History): string {
  const { subject, checkpoint, made } = evidence
  const name = nameOf(events)
  return `<!doctype html>
<html lang="zh">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${text(subject)} ${text(name)}</title>
<style>${style}</style>
</head>
<body>
<header>
<h1>${text(name === '' ? subject : name)}</h1>
<p class="code">${text(subject)}</p>
<p>数据交换记录 · <span lang="en">Record of what was exchanged</span></p>
</header>
<table class="facts">
${factRow('日志', 'Log', origin)}
${factRow('条目总数', 'Entries of the log', String(checkpoint.size))}
${factRow('根哈希', 'Root hash', checkpoint.root.toString('base64'))}
${factRow('制作时间', 'Made', shownTime(made))}
${factRow('关于该主体的事件', 'Events about this subject', String(events.length))}
</table>
<p class="note">以下各事件均在日志中，且由所示部门以当时有效的密钥签名，符合当时有效的规则；本页由这些事件生成。本文件证明所列事件确在日志中，并不证明此外没有其他事件；被拒绝的请求不载明主体，故不列入。核验方法见 VERIFY.md。</p>
<p class="note" lang="en">Each event below is in the log, was signed by the bureau shown with a key that was in force, and satisfied the rules that were in force; this page is made from them. It proves that these events are in the log. It does not prove that there are no others; refused requests name no subject and are left out. VERIFY.md says how to check it.</p>
${events.map(eventHtml).join('\n')}
<section>
<h2>签名密钥 · <span lang="en">Keys</span></h2>
<table class="keys"><thead><tr><th>登记条目<br><span lang="en">Registered at</span></th><th>部门<br><span lang="en">Party</span></th><th>密钥<br><span lang="en">Key</span></th><th>算法<br><span lang="en">Algorithm</span></th></tr></thead>
<tbody>
${keys
  .filter(({ index }) => events.some(({ keyIndex }) => keyIndex === index))
  .map(keyRow)
  .join('\n')}
</tbody></table>
</section>
</body>
</html>
`
}

function eventHtml({ index, received, payload, party, key, rules }: ToldEvent): string {
  const { type, source: _source, data, time, id } = payload
  const typeName = rules.types.get(String(type))?.type.name ?? { zh: String(type), en: String(type) }
  const partyName = rules.parties.get(party)?.name ?? { zh: party, en: party }
  return `<section class="event">
<h2>${text(typeName.zh)} · <span lang="en">${text(typeName.en)}</span></h2>
<table class="facts">
${factRow('条目序号', 'Index', String(index))}
${factRow('收到时间', 'Received', shownTime(received))}
${factRow('业务时间', 'Time', String(time))}
${factRow('发送部门', 'Sent by', `${partyName.zh} · ${partyName.en}`)}
${factRow('签名密钥', 'Signed with', `${key.kid} (${key.algorithm})`)}
${factRow('事件编号', 'Id', String(id))}
${factRow('类型', 'Type', String(type))}
</table>
${valueHtml(isJsonObject(data) ? data : {}, labelsOf(String(type), rules))}
</section>`
}

function keyRow({ index, key }: ToldKey): string {
  return `<tr><td>${index}</td><td>${text(key.party)}</td><td class="code">${text(key.kid)}</td><td>${text(key.algorithm)}</td></tr>`
}

/** What a schema says of a place of the data: `{properties, items, description}`. */
type Labels = JsonObject

function valueHtml(value: Json, labels: Labels): string {
  if (Array.isArray(value)) {
    const items: readonly Json[] = value
    return `<ol>${items.map((item) => `<li>${valueHtml(item, member(labels, 'items'))}</li>`).join('')}</ol>`
  }
  if (!isJsonObject(value)) return text(value === null ? '—' : String(value))
  const rows = Object.entries(value).map(([name, inner]) => {
    const inside = member(member(labels, 'properties'), name)
    const { zh, en } = labelOf(inside, name)
    return `<tr><th>${text(zh)}<br><span lang="en">${text(en)}</span></th><td>${valueHtml(inner, inside)}</td></tr>`
  })
  return `<table class="data">${rows.join('\n')}</table>`
}

/** The descriptions of our schemas are in English, then Chinese, with a point between. */
function labelOf(schema: Labels, name: string): Text {
  const { description } = schema
  const [en, zh] = typeof description === 'string' ? description.split(' · ', 2) : []
  return { en: en ?? name, zh: zh ?? name }
}

function labelsOf(type: string, rules: Rules): Labels {
  const file = rules.types.get(type)?.type.schema ?? ''
  const schema: unknown = JSON.parse(rules.files.get(file) ?? '{}')
  return isJsonObject(schema) ? schema : {}
}

function member(object: Labels, name: string): Labels {
  const value = Object.hasOwn(object, name) ? object[name] : undefined
  return isJsonObject(value) ? value : {}
}

/** What the subject was called last. */
function nameOf(events: readonly ToldEvent[]): string {
  const names = events.flatMap(({ payload, rules }) => {
    const field = rules.types.get(String(payload.type))?.kind.nameField
    const name = field !== undefined && isJsonObject(payload.data) ? payload.data[field] : undefined
    return typeof name === 'string' ? [name] : []
  })
  return names.at(-1) ?? ''
}

const factRow = (zh: string, en: string, value: string) =>
  `<tr><th>${zh} · <span lang="en">${en}</span></th><td>${text(value)}</td></tr>`

/** In China's time, which is what the reader's clock shows, and in UTC, which is what is signed. */
function shownTime(utc: string): string {
  const at = new Date(utc)
  if (Number.isNaN(at.getTime())) return utc
  const china = new Date(at.getTime() + 8 * 3_600_000).toISOString()
  return `${china.slice(0, 10)} ${china.slice(11, 19)} 北京时间 (${utc})`
}

function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}

const style = `
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
