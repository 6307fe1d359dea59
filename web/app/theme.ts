// Light or dark: as the system says, unless chosen here.

import { computed, effect, signal } from "@preact/signals";
import { kept } from "../runs/settings";

const system = matchMedia("(prefers-color-scheme: dark)");
const systemDark = signal(system.matches);
system.addEventListener("change", (e) => (systemDark.value = e.matches));

const chosen = kept<"auto" | "light" | "dark">("theme", "auto");

export const dark = computed(() => (chosen.value === "auto" ? systemDark.value : chosen.value === "dark"));

/** The other of the two; back to "as the system says" when that is what it comes to. */
export function toggleTheme(): void {
  const next = !dark.peek();
  chosen.value = next === systemDark.peek() ? "auto" : next ? "dark" : "light";
}

effect(() => {
  document.documentElement.dataset.theme = dark.value ? "dark" : "light";
});
