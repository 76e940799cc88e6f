import type { Finding } from '../domain/event.ts'
import type { Json, JsonObject } from '../domain/text.ts'

/**
 * Members and elements that an event or a record may have, all levels together: twice what the largest registration needs.
 * Every error costs, so without it 48 KiB of `[{},{},…]` would keep the process busy for seconds.
 */
const maxValues = 4096

/** Whether a value is beyond the bound; {@link tooManyValues} is what the sender is told then. */
export function hasTooManyValues(root: JsonObject): boolean {
  return countValues(root) > maxValues
}

export const tooManyValues: Finding = {
  pointer: '',
  code: 'too-many-values',
  message: {
    en: `An event has at most ${maxValues} fields and list elements, all levels together: split it into several events.`,
    zh: `一个事件各级字段和数组元素合计不得超过 ${maxValues} 个：请拆分为多个事件。`,
  },
}

/** Counts without recursion, since 48 KiB of `[` nest deeper than the stack; stops soon after the bound. */
function countValues(root: JsonObject): number {
  const open: (JsonObject | readonly Json[])[] = [root]
  let count = 0
  for (let value = open.pop(); value !== undefined && count <= maxValues; value = open.pop()) {
    if (isJsonArray(value)) {
      for (const child of value) if (typeof child === 'object' && child !== null) open.push(child)
      count += value.length
      continue
    }
    for (const member in value) {
      const child = value[member]
      if (typeof child === 'object' && child !== null) open.push(child)
      count += 1
    }
  }
  return count
}

function isJsonArray(value: JsonObject | readonly Json[]): value is readonly Json[] {
  return Array.isArray(value)
}
