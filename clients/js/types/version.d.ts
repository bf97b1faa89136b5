/** As in package.json. */
export declare const VERSION = "0.1.0";
