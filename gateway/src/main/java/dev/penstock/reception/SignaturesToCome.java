package dev.penstock.reception;

import java.util.List;
import java.util.Set;

import dev.penstock.dkim.Signing;
import dev.penstock.preflight.PlannedSignatures;
import dev.penstock.preflight.SignatureFacts;

/** Tells the preflight what a message will be signed with. Thread-safe. */
public record SignaturesToCome(Signing signing) implements PlannedSignatures {
    /** What a key makes that hasn't been read yet: receivers demand that it is RSA. */
    private static final String USUAL = "rsa-sha256";

    @Override
    public List<SignatureFacts> of(String tenant, String fromDomain) {
        return signing.isOff()
                ? List.of()
                : signing.planned(fromDomain, tenant).stream()
                        .map(planned -> new SignatureFacts(planned.domain(), planned.selector(),
                                planned.algorithm().isEmpty() ? USUAL : planned.algorithm(),
                                Set.copyOf(planned.fields())))
                        .toList();
    }
}
