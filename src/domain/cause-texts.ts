import type { ParkedCause } from './record.ts'
import type { Text } from './text.ts'

/** What a cause of parking means, and what usually cures it. Its runbook is in docs/operator.md under `parked-<cause>`. */
export interface CauseText {
  readonly meaning: Text
  readonly cure: Text
}

export const causeTexts: Readonly<Record<ParkedCause, CauseText>> = {
  'no-office': {
    meaning: {
      en: "the bureau's assignment table has no office for the division of these subjects",
      zh: '该部门的管辖分配表中没有这些主体所属区划对应的机构',
    },
    cure: {
      en: 'add the division to the table, apply the catalogue, then replay',
      zh: '在分配表中补上该区划，应用目录，然后回放',
    },
  },
  'record-schema': {
    meaning: {
      en: "the record would not satisfy the bureau's own schema; the detail names the places and what is wrong there",
      zh: '办理后的记录不符合该部门自定的模式；详情列明位置和问题',
    },
    cure: {
      en: 'the bureau corrects its schema and you apply the catalogue; or, where the data are wrong, the event is dismissed and its sender sends a correct one',
      zh: '由该部门修正其模式并应用目录；若数据有误，则剔除该事件，由发送方另发正确事件',
    },
  },
  'unknown-type': {
    meaning: {
      en: 'the rules that this consumer went by have no such event type',
      zh: '该消费者当时所依规则中没有此事件类型',
    },
    cure: {
      en: 'bring the type back into the catalogue and apply it, or update the consumer; then replay',
      zh: '在目录中恢复该类型并应用，或升级消费者；然后回放',
    },
  },
  'state-conflict': {
    meaning: {
      en: 'the step does not fit the state of the subject in this view, though it was legal when it was logged',
      zh: '该步骤与主体在本视图中的状态不符，虽然记入日志时合法',
    },
    cure: {
      en: 'compare the view with the log (view reconcile), mend the view, then replay',
      zh: '将视图与日志比对（view reconcile），修复视图，然后回放',
    },
  },
  constraint: {
    meaning: {
      en: 'the database refuses the row of the record; the detail has its code',
      zh: '数据库拒绝该记录行；详情含其代码',
    },
    cure: {
      en: 'look the code up: usually a value that no index can hold; limit it in the record schema, or dismiss the event',
      zh: '查阅该代码：通常是索引无法容纳的值；可在记录模式中加以限制，或剔除该事件',
    },
  },
  behind: {
    meaning: {
      en: 'an earlier event of the same subject is parked; order holds, so these wait',
      zh: '同一主体的较早事件滞留；为保持次序，这些事件等待',
    },
    cure: {
      en: 'nothing of their own: they are replayed with the event that they wait for',
      zh: '无须单独处理：随其所等待的事件一并回放',
    },
  },
}
