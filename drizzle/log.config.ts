import { defineConfig } from 'drizzle-kit'

// npx drizzle-kit generate --config drizzle/log.config.ts --name <what-changes>
export default defineConfig({
  dialect: 'postgresql',
  schema: ['./src/log/tables.ts', './src/operations/tables.ts', './src/alarm/tables.ts'],
  out: './drizzle/log',
})
