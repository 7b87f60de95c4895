import { defineConfig } from "@playwright/test";
import tests from "./playwright.config";

/** `npm run pictures`: takes the README's pictures anew, from the demo company. */
export default defineConfig(tests, {
  testMatch: "pictures.ts",
  outputDir: "test-results/pictures",
});
