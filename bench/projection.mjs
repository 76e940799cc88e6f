// What one consumer projects while nothing else runs, beside a raw unnest insert of the same rows.
import { jsonArray, textArray } from '../dist/database/array-literal.js'
import { connect } from '../dist/database/connect.js'
import { migrateView, viewSchema } from '../dist/view/view-schema.js'

/** Events behind which the consumers are left. */
const backlog = 40_000
/** As many as a consumer folds in one transaction. */
const rowsAtOnce = 500

/** @returns events a second from the log's table and from Kafka, and rows a second of the raw insert */
export async function measureProjection(deployment, print) {
  await deployment.startConsumers()
  await deployment.settled()
  await deployment.stopConsumers()
  const first = await deployment.size()
  await deployment.post({ connections: 64, count: backlog, seconds: 600 })
  const events = (await deployment.size()) - first
  // the rows that the raw insert stores
  await consumed(deployment, 'state-tax', events)
  const raw = await rawInsert(deployment)
  const embedded = await consumed(deployment, 'commerce', events)
  const afterwards = await rawInsert(deployment)
  await deployment.startKafka()
  await published(deployment)
  const kafka = await consumed(deployment, 'local-tax', events)
  await deployment.stop('publisher')
  const rawPerSecond = (raw + afterwards) / 2
  print('raw unnest insert of the same rows', `${raw.toFixed(0)} and ${afterwards.toFixed(0)} rows a second`)
  for (const [name, perSecond] of Object.entries({ 'the log’s table': embedded, Kafka: kafka }))
    print(
      `one consumer, from ${name}`,
      `${perSecond.toFixed(0)} events a second, ${(perSecond / rawPerSecond).toFixed(2)} of the raw insert`,
    )
  return { events, raw: [raw, afterwards], embedded, kafka }
}

/** From the moment that the consumer says it runs. */
async function consumed(deployment, bureau, events) {
  await deployment.start(bureau)
  const began = performance.now()
  await deployment.settled([bureau])
  const perSecond = (events / (performance.now() - began)) * 1000
  await deployment.stop(bureau)
  return perSecond
}

async function published({ sql, size }) {
  const last = (await size()) - 1
  for (let index = -1; index < last; ) {
    const [row] = await sql`select min(index) as index from log.published`
    index = row.index ?? -1
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}

/** Rows of a view, read before the clock runs, stored in an empty view of the same migrations. */
export async function rawInsert({ url }, bureau = 'state-tax', most = backlog) {
  const schema = 'bench_raw'
  await migrateView(url, schema)
  const { raw: sql, close } = connect(url, { name: 'lianban bench', schema, maxConnections: 1 })
  try {
    const rows = await sql`select * from ${sql(viewSchema(bureau))}.records order by kind, subject limit ${most}`
    const now = new Date()
    const began = performance.now()
    for (let at = 0; at < rows.length; at += rowsAtOnce) await insert(sql, rows.slice(at, at + rowsAtOnce), now)
    return (rows.length / (performance.now() - began)) * 1000
  } finally {
    await sql`drop schema ${sql(schema)} cascade`
    await close()
  }
}

function insert(sql, rows, now) {
  return sql`
    insert into records (kind, subject, status, layers, name, jurisdiction, office, data, provenance, state, first_index, last_index, events, updated_at)
    select kind, subject, status, layers::json, name, jurisdiction, office, data::json, provenance::json, state::json,
      first_index, last_index, events, ${now}::timestamptz
    from unnest(
      ${textArray(rows.map(({ kind }) => kind))}::text::text[], ${textArray(rows.map(({ subject }) => subject))}::text::text[],
      ${textArray(rows.map(({ status }) => status))}::text::text[], ${jsonArray(rows.map(({ layers }) => layers))}::text::text[],
      ${textArray(rows.map(({ name }) => name))}::text::text[], ${textArray(rows.map(({ jurisdiction }) => jurisdiction))}::text::text[],
      ${textArray(rows.map(({ office }) => office))}::text::text[], ${jsonArray(rows.map(({ data }) => data))}::text::text[],
      ${jsonArray(rows.map(({ provenance }) => provenance))}::text::text[], ${jsonArray(rows.map(({ state }) => state))}::text::text[],
      ${rows.map(({ first_index: first }) => first)}::bigint[], ${rows.map(({ last_index: last }) => last)}::bigint[],
      ${rows.map(({ events: applied }) => applied)}::int[]
    ) as stored (kind, subject, status, layers, name, jurisdiction, office, data, provenance, state, first_index, last_index, events)`
}
