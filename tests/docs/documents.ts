import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'

export const root = join(import.meta.dirname, '..', '..')

export const readDocument = (name: string) => readFile(join(root, name), 'utf8')

/** Contents of a document's fenced blocks of one language, in order. */
export function blocksOf(markdown: string, language: string): readonly string[] {
  return [...markdown.matchAll(new RegExp(`^\`\`\`${language}\\n([\\s\\S]*?)^\`\`\`$`, 'gm'))].map(([, block = '']) => block)
}

/** Cells of every table row whose first cell holds code, without the code's backticks. */
export function codeRowsOf(markdown: string): readonly (readonly string[])[] {
  return markdown
    .split('\n')
    .filter((line) => line.startsWith('| `'))
    .map((line) =>
      line
        .split('|')
        .slice(1, -1)
        .map((cell) => cell.trim().replace(/^`([^`]*)`$/, '$1')),
    )
}

/** Relative links of a document that lead nowhere. */
export function brokenLinks(name: string, markdown: string): readonly string[] {
  const links = [...markdown.matchAll(/\]\((?!https?:)([^)#]+)/g)].map(([, link = '']) => link)
  return links.filter((link) => !existsSync(join(root, dirname(name), link)))
}
