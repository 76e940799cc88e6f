import { isJsonObject } from '../../domain/text.ts'
import type { Revocation } from '../../identity/keys-in-force.ts'
import { dataHtml, text } from './data-html.ts'
import type { Evidence } from './evidence.ts'
import type { History, ToldEvent, ToldKey, ToldRules } from './history.ts'
import { style } from './history-style.ts'

/** What was exchanged about a subject, for people: one page in Chinese and English, without scripts, that prints on A4. */
export function historyHtml(evidence: Evidence, { events, keys, rules, origin }: History): string {
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
<table class="keys"><thead><tr><th>登记条目<br><span lang="en">Registered at</span></th><th>部门<br><span lang="en">Party</span></th><th>密钥<br><span lang="en">Key</span></th><th>算法<br><span lang="en">Algorithm</span></th><th>吊销<br><span lang="en">Revoked</span></th></tr></thead>
<tbody>
${keys
  .filter(({ index }) => events.some(({ keyIndex }) => keyIndex === index))
  .map(keyRow)
  .join('\n')}
</tbody></table>
</section>
<section>
<h2>适用规则 · <span lang="en">Rules</span></h2>
<table class="keys"><thead><tr><th>生效条目<br><span lang="en">In force from</span></th><th>版本<br><span lang="en">Version</span></th><th>收到时间<br><span lang="en">Received</span></th><th>申请人及理由<br><span lang="en">Asked for by, and why</span></th></tr></thead>
<tbody>
${rules.map(rulesRow).join('\n')}
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
${dataHtml(isJsonObject(data) ? data : {}, String(type), rules)}
</section>`
}

function keyRow({ index, key, revoked }: ToldKey): string {
  return row(String(index), key.party, key.kid, key.algorithm, revoked === undefined ? '—' : revocationText(revoked))
}

/** What a key signed since it was in other hands is in doubt: a reader of its events must see that. */
function revocationText({ index, reason, compromisedSince }: Revocation): string {
  const since =
    compromisedSince === undefined ? '' : `；自 ${shownTime(compromisedSince)} 起可能已泄露 (perhaps in other hands since)`
  return `${index}: ${reason}${since}`
}

function rulesRow({ index, received, version, asked }: ToldRules): string {
  const who = asked === undefined ? '首份目录 · the first catalogue' : `${asked.key.party} (${asked.key.kid}): ${asked.reason}`
  return row(String(index), version, shownTime(received), who)
}

const row = (...cells: readonly string[]) => `<tr>${cells.map((cell) => `<td>${text(cell)}</td>`).join('')}</tr>`

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
