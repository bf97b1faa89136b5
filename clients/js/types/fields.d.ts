/**
 * The fields of a JSON object that somebody else wrote: each is what it should be, or told.
 */
/**
 * Read a JSON object.
 *
 * @param {string} text
 */
export declare function parse(text: string): Fields;
/** An object, field by field. */
export declare class Fields {
    #private;
    /** @param {unknown} value */
    constructor(value: unknown);
    /** @param {string} name */
    raw(name: string): unknown;
    /** @param {string} name */
    isObject(name: string): boolean;
    /** @param {string} name */
    fields(name: string): Fields;
    /** @param {string} name */
    text(name: string): string;
    /**
     * @param {string} name
     * @returns {string | null}
     */
    maybeText(name: string): string | null;
    /** @param {string} name */
    flag(name: string): boolean;
    /** @param {string} name */
    number(name: string): number;
    /** @param {string} name */
    int(name: string): number;
    /**
     * Return a whole number, which the videos dialect writes as text in places.
     *
     * @param {string} name
     * @returns {number | null}
     */
    maybeInt(name: string): number | null;
    /** @param {string} name */
    moment(name: string): Date;
    /**
     * Return an instant, which comes as Unix seconds.
     *
     * @param {string} name
     */
    maybeMoment(name: string): Date | null;
    /**
     * @param {string} name
     * @returns {unknown[]}
     */
    items(name: string): unknown[];
    /**
     * Return the texts of a list; others in it are left out.
     *
     * @param {string} name
     */
    texts(name: string): string[];
    /**
     * Return the numbers of a list; others in it are left out.
     *
     * @param {string} name
     */
    numbers(name: string): number[];
}
