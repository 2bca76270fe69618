-- Refused rows as they stand in the file, so that the vendor gets its own file back with what is wrong beside each row.

ALTER TABLE run_rejects
    ADD COLUMN record json;  -- [[column or path, text], ...]; the first reject of a row has it, if it is not too long
