import type { Text } from './text.ts'

// What a refusal says of the case at hand: the facts, and what would make the step legal. States and ids are named as they
// travel in data, since that is what the reader has to send.

export const alreadyKnown: Text = {
  en: 'the exchange knows this subject already; send a change instead',
  zh: '交换平台已有该主体；请改发变更事件',
}

export const notKnown: Text = {
  en: 'the exchange does not know this subject yet; its establishment or import comes first',
  zh: '交换平台尚无该主体；须先有设立或导入事件',
}

/** @param place a layer, or `<layer> of <bureau>` */
export function wrongState(place: Place, present: string, wanted: readonly string[]): Text {
  return {
    en: `${place.en} is ${present}; this step needs ${either(wanted)}`,
    zh: `${place.zh}现为 ${present}；此步骤要求 ${wanted.join('、')}`,
  }
}

export function otherPrevious(field: string, given: string, place: Place, present: string): Text {
  return {
    en: `${field} is ${given}, but ${place.en} is ${present}; read the record, then decide anew`,
    zh: `${field} 为 ${given}，而${place.zh}现为 ${present}；请读取记录后重新决定`,
  }
}

export function noSuchStep(place: Place, present: string, legal: readonly string[]): Text {
  if (legal.length === 0)
    return {
      en: `${place.en} is ${present}; no step of this type leads on from it`,
      zh: `${place.zh}现为 ${present}；此类事件不能由此继续`,
    }
  return {
    en: `${place.en} is ${present}; from there this type leads to ${either(legal)}`,
    zh: `${place.zh}现为 ${present}；此类事件由此只能转为 ${legal.join('、')}`,
  }
}

export function notNamed(missing: readonly string[]): Text {
  return {
    en: `clearance.clearedBy does not name ${missing.join(', ')}, whose register is open`,
    zh: `clearance.clearedBy 未列明仍有未注销登记的 ${missing.join('、')}`,
  }
}

export function notCleared(missing: readonly string[]): Text {
  return {
    en: `the register at ${missing.join(', ')} is open and not cleared; a clearance or deregistration comes first`,
    zh: `${missing.join('、')} 的登记未注销且未清税；须先清税或注销`,
  }
}

export function notSimplified(state: string): Text {
  return {
    en: `the registration is ${state}; it can be cancelled in the general way only`,
    zh: `登记状态为 ${state}；只能按一般程序注销`,
  }
}

export function otherState(field: string, given: string, after: string): Text {
  return {
    en: `${field} is ${given}, but the state after this step is ${after}`,
    zh: `${field} 为 ${given}，而办理后的状态为 ${after}`,
  }
}

export function noDate(field: string): Text {
  return { en: `${field} must be a calendar date`, zh: `${field} 须为日期` }
}

export function tooEarly(field: string, date: string, earliest: string, place: Place): Text {
  return {
    en: `${field} ${date} lies before ${earliest}, the date of the last accepted event of ${place.en}; it must be ${earliest} or later`,
    zh: `${field} ${date} 早于${place.zh}最近已接受事件的日期 ${earliest}；须不早于 ${earliest}`,
  }
}

export function tooLate(field: string, date: string, latest: string): Text {
  return {
    en: `${field} ${date} lies more than one day ahead; today it may be ${latest} at the latest`,
    zh: `${field} ${date} 晚于明日；目前最晚可为 ${latest}`,
  }
}

export type Place = Text

/** What a part of a layer is called. */
export function placeOf(layer: string, part: string | undefined): Place {
  return part === undefined ? { en: layer, zh: `${layer} 状态` } : { en: `${layer} at ${part}`, zh: `${part} 的 ${layer} 状态` }
}

function either(states: readonly string[]): string {
  return states.length < 2 ? (states[0] ?? 'nothing') : `${states.slice(0, -1).join(', ')} or ${states.at(-1)}`
}
