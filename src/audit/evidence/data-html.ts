import type { Rules } from '../../catalogue/rules.ts'
import { isJsonObject, type Json, type JsonObject, type Text } from '../../domain/text.ts'

/** Data of an event as tables, each member by the name that its schema has for people. */
export function dataHtml(data: JsonObject, type: string, rules: Rules): string {
  return valueHtml(data, labelsOf(type, rules))
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

/** As it may stand in a page. */
export function text(value: string): string {
  return value.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
}
