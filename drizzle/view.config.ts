import { defineConfig } from 'drizzle-kit'

// The same tables for every bureau: they name no schema, so that search_path says where they go.
export default defineConfig({ dialect: 'postgresql', schema: './src/view/tables.ts', out: './drizzle/view' })
