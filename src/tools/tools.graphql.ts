/** What models may call. */
import { builder, LONG_VALUE, rights, weighs } from '../graphql/builder.ts'
import type { Tool } from './tool.ts'

const ToolRef = builder.objectRef<Tool>('Tool').implement({
  description: 'Something a model may ask for in the middle of an answer.',
  fields: (t) => ({
    name: t.exposeString('name', { description: 'What `streamStart` takes in `tools`.' }),
    description: t.exposeString('description', { description: 'What it does, as the model is told.' }),
    inputSchema: t.field({
      ...weighs(LONG_VALUE),
      type: 'JSON',
      description: 'The JSON Schema of what it takes.',
      resolve: ({ inputSchema }) => inputSchema,
    }),
  }),
})

builder.queryField('tools', (t) =>
  t.field({
    type: [ToolRef],
    description: 'The tools that this server has for models, by name; a few dozen at most.',
    ...rights('STREAMS_READ'),
    resolve: (_root, _args, ctx) => ctx.app.tools.all,
  }),
)
