import type { Text } from '../domain/text.ts'

/** What a pattern asks for, in words where it has a form that many schemas use: clerks read what their system shows them. */
export function patternText(pattern: string): Text {
  for (const { form, say } of forms) {
    const found = form.exec(pattern)
    if (found !== null) return say(found.slice(1))
  }
  return { en: `It must match the pattern ${pattern}`, zh: `应符合格式 ${pattern}` }
}

/** The parts of a form are what a pattern puts in its groups. */
interface Form {
  readonly form: RegExp
  readonly say: (parts: readonly string[]) => Text
}

const forms: readonly Form[] = [
  {
    form: /^\^\[0-9\]\{(\d+)(?:,(\d+))?\}\$$/,
    say: ([least = '', most]) => counted(least, most, 'digits', '位数字'),
  },
  {
    form: /^\^\[1-9\]\[0-9\]\{(\d+)\}\$$/,
    say: ([rest]) => {
      const { en, zh } = counted(String(Number(rest) + 1), undefined, 'digits', '位数字')
      return { en: `${en.slice(0, -1)}, the first not 0.`, zh: `${zh.slice(0, -1)}，首位不为 0。` }
    },
  },
  {
    form: /^\^\[([A-Z])-([A-Z])\]\$$/,
    say: ([first, last]) => ({
      en: `It must be one letter from ${first} to ${last}, in capitals.`,
      zh: `应为一个大写字母 ${first} 至 ${last}。`,
    }),
  },
  {
    form: /^\^\[([A-Z])-([A-Z])\]\{(\d+)\}\$$/,
    say: ([first, last, length]) => ({
      en: `It must have exactly ${length} letters from ${first} to ${last}, in capitals.`,
      zh: `应恰为 ${length} 个大写字母 ${first} 至 ${last}。`,
    }),
  },
  {
    form: /^\^\\P\{Cc\}\+\$$/,
    say: () => ({
      en: 'It must not be empty, and have no control characters such as line breaks and tabs.',
      zh: '不得为空，且不含换行等控制字符、制表符。',
    }),
  },
  {
    form: /^\^\(0\|\[1-9\]\[0-9\]\{0,(\d+)\}\)\(\\\.\[0-9\]\{1,(\d+)\}\)\?\$$/,
    say: ([digits, decimals]) => ({
      en: `It must be a number in digits, such as "7" or "7.5": no sign, no separators, no leading zeros, at most ${Number(digits) + 1} digits before the point and ${decimals} after it.`,
      zh: `应为十进制数字，如 "7" 或 "7.5"：不带正负号、千分位与前导零，整数至多 ${Number(digits) + 1} 位，小数至多 ${decimals} 位。`,
    }),
  },
  {
    form: /^\^\[a-z\]\[a-z0-9-\]\{0,(\d+)\}\$$/,
    say: ([rest]) => ({
      en: `It must have small letters, digits and hyphens alone, begin with a letter, and have at most ${Number(rest) + 1} characters.`,
      zh: `只能用小写字母、数字和连字符，以字母开头，至多 ${Number(rest) + 1} 个字符。`,
    }),
  },
]

function counted(least: string, most: string | undefined, en: string, zh: string): Text {
  if (most === undefined || most === least)
    return { en: `It must have exactly ${least} ${least === '1' ? en.slice(0, -1) : en}.`, zh: `应恰为 ${least} ${zh}。` }
  return { en: `It must have ${least} to ${most} ${en}.`, zh: `应为 ${least} 至 ${most} ${zh}。` }
}
