/** The 32 bytes of the hash of `bytes`. */
export declare function sha256(bytes: Uint8Array): Uint8Array;
