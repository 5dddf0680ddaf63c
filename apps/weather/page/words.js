// The page's texts in English and Chinese. What the server says is shown as it comes.

import { en } from "./en.js";
import { speak } from "./language.js";
import { zh } from "./zh.js";

speak({ en, zh });

export * from "./language.js";
