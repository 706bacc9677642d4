// Typed documents in a project of your own: npx graphql-codegen
import type { CodegenConfig } from "@graphql-codegen/cli";

const { SCRIP_URL, SCRIP_TOKEN } = process.env;

const config: CodegenConfig = {
  // A server to ask, or else the file schema.graphql beside this one.
  schema: SCRIP_URL
    ? [{ [`${SCRIP_URL}/graphql`]: { headers: { Authorization: `Bearer ${SCRIP_TOKEN}` } } }]
    : "schema.graphql",
  documents: "src/**/*.graphql",
  generates: {
    "src/generated/": {
      preset: "client",
      presetConfig: {
        fragmentMasking: false,
        // The manifest of these documents, for SCRIP_TRUSTED_DOCUMENTS.
        persistedDocuments: { hashAlgorithm: "sha256" },
      },
      config: {
        // What scrip-client takes. For Apollo Client and urql leave it out.
        documentMode: "string",
        // Amounts, days and instants stay the exact strings that they are on the wire.
        scalars: { AssetCode: "string", Date: "string", DateTime: "string", Decimal: "string", JSON: "unknown" },
        strictScalars: true,
        enumsAsTypes: true,
        // More values will be added: have a default branch.
        futureProofEnums: true,
        useTypeImports: true,
      },
    },
  },
};

export default config;
