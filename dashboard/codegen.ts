import type { CodegenConfig } from "@graphql-codegen/cli";

const schemaTypes = "src/app/schema.generated.ts";
const config = {
  enumType: "string-literal",
  scalars: { DateTime: "string", Date: "string", JSON: "unknown", ID: "string", Upload: "Blob" },
  strictScalars: true,
  nonOptionalTypename: true,
  skipTypeNameForRoot: true,
  disableDescriptions: true,
  useTypeImports: true,
} as const;

/** Types of every operation, beside the document that holds it. */
export default {
  schema: "../schema.graphql",
  documents: "src/app/**/*.graphql",
  generates: {
    [schemaTypes]: {
      plugins: ["typescript-operations"],
      config: { ...config, generateOperationTypes: false },
    },
    "src/app/core/possible-types.generated.ts": { plugins: ["fragment-matcher"] },
    "src/app/": {
      preset: "near-operation-file",
      presetConfig: { baseTypesPath: "schema.generated.ts", extension: ".generated.ts" },
      plugins: ["typescript-operations", "typed-document-node"],
      config: { ...config, importSchemaTypesFrom: schemaTypes },
    },
  },
} satisfies CodegenConfig;
