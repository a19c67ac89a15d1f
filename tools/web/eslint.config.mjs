// What eslint asks of the pages' scripts: its recommended rules, and those below, each for the reason beside it.
import js from "@eslint/js";
import globals from "globals";

export default [
  { ...js.configs.recommended, files: ["resources/*/js/*.js"] },
  {
    files: ["resources/*/js/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.browser },
    linterOptions: { reportUnusedDisableDirectives: "error" },
    rules: {
      "no-undef": "off", // tsc knows more of what there is
      "eqeqeq": "error",
      "curly": ["error", "multi-line"],
      "no-var": "error",
      "prefer-const": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-script-url": "error",
      "no-shadow": "error",
      "no-throw-literal": "error",
      "no-promise-executor-return": ["error", { allowVoid: true }],
      "no-unused-expressions": "error",
      "no-constructor-return": "error",
      "no-self-compare": "error",
      "no-unmodified-loop-condition": "error",
      "no-unreachable-loop": "error",
      "default-case-last": "error",
      "array-callback-return": "error",
      "complexity": ["error", 20],
      // Text only ever enters as text (docs/architecture.md): no HTML strings, in the page or in Leaflet's icons.
      "no-restricted-properties": ["error",
        ...["innerHTML", "outerHTML", "insertAdjacentHTML", "setHTMLUnsafe"].map((property) => ({ property, message: "Text enters as text: make elements (dom.js)." })),
        { object: "document", property: "write", message: "Text enters as text: make elements (dom.js)." },
      ],
      "no-restricted-syntax": ["error",
        { selector: "Property[key.name='html'] > Literal, Property[key.name='html'] > TemplateLiteral", message: "Text enters as text: give Leaflet an element." },
        { selector: "CallExpression[callee.property.name=/^bind(Popup|Tooltip)$/] > :matches(Literal, TemplateLiteral)", message: "Text enters as text: give Leaflet an element." },
      ],
    },
  },
];
