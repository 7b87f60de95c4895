// Bundles GraphiQL into graph/static/graphiql: a page, and the script and style sheet it names.
import { copyFile, readFile, rm } from "node:fs/promises";
import { basename, join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";

const here = fileURLToPath(new URL(".", import.meta.url));
const out = join(here, "../static/graphiql");

// GraphiQL's style sheet carries 34 fonts as data: addresses; src/style.css names the system's own.
const withoutFonts = {
  name: "without-fonts",
  setup: ({ onLoad }) =>
    onLoad({ filter: /[\\/]graphiql[\\/]dist[\\/]style\.css$/ }, async ({ path }) => ({
      contents: (await readFile(path, "utf8")).replaceAll(/@font-face\s*{[^}]*}/g, ""),
      loader: "css",
    })),
};

await rm(out, { recursive: true, force: true });
const { metafile } = await build({
  absWorkingDir: here,
  entryPoints: { index: "src/main.jsx" },
  outdir: out,
  bundle: true,
  minify: true,
  keepNames: true, // icons are titled by their components: "Close icon"
  format: "esm",
  target: "es2022",
  jsx: "automatic",
  loader: { ".graphql": "text" },
  // Naming the order keeps graphql its ES modules, which are trimmed; by default one CommonJS
  // package that requires it decides for all.
  mainFields: ["browser", "module", "main"],
  define: { "process.env.NODE_ENV": '"production"' },
  alias: { "react-style-singleton": "./src/styleSingleton.js" },
  plugins: [withoutFonts],
  metafile: true,
  logLevel: "warning",
});

await copyFile(join(here, "src/index.html"), join(out, "index.html"));

for (const [path, { bytes }] of Object.entries(metafile.outputs)) {
  console.log(`${basename(path)}  ${Math.round(bytes / 1024)} KiB`);
}
