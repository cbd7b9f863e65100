package dev.penstock.routing;

import org.jspecify.annotations.Nullable;

/**
 * What vouches for the hosts that DNS names for a domain. Immutable. Domains with the same hosts and another proof don't
 * share sessions.
 *
 * @param signed whether the records that name them are signed (DNSSEC)
 * @param sts    the domain's MTA-STS policy, null when it has none
 */
public record HostProof(boolean signed, @Nullable StsPolicy sts) {
    public static final HostProof NONE = new HostProof(false, null);
    static final HostProof SIGNED = new HostProof(true, null);

    /** With this policy. */
    public HostProof with(StsPolicy policy) {
        return new HostProof(signed, policy);
    }
}
