// What the pages that offer networks say of them alike.

import type { Network } from "../../api/types";

/** Made by the program itself, with random filters: always at hand. */
export const isBuiltIn = (n: Network) => n.architecture.startsWith("untrained");
