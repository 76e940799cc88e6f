import { oneLine } from '../domain/printable.ts'

/** Rows with their columns one below the other; the last column is not padded. A row is a line, whatever its cells hold. */
export function tableText(unsafe: readonly (readonly string[])[]): string {
  const rows = unsafe.map((row) => row.map(oneLine))
  const widths: number[] = []
  for (const row of rows) for (const [i, cell] of row.entries()) widths[i] = Math.max(widths[i] ?? 0, widthOf(cell))
  const lineOf = (row: readonly string[]) =>
    row.map((cell, i) => (i === row.length - 1 ? cell : cell + ' '.repeat((widths[i] ?? 0) - widthOf(cell)))).join('  ')
  return rows.map((row) => `${lineOf(row)}\n`).join('')
}

/** Chinese characters and punctuation take two columns of a terminal. */
function widthOf(text: string): number {
  let width = 0
  for (const character of text)
    width +=
      /[\u1100-\u115f\u2e80-\u303e\u3041-\ua4cf\uac00-\ud7a3\uf900-\ufaff\ufe30-\ufe6f\uff00-\uff60\uffe0-\uffe6]|\p{Script=Han}/u.test(
        character,
      )
        ? 2
        : 1
  return width
}
