package dev.penstock.preflight;

import java.util.ArrayList;
import java.util.Collection;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.PreflightConfig.Kind;
import dev.penstock.preflight.Finding.Severity;

/** From facts to findings. A pure function; confined to one call. */
final class Judge {
    /** RFC 5322 2.1.1: characters of a line without its end. */
    private static final int MAX_LINE = 998;
    /** RFC 8301 3.2: signers must not use less, verifiers must not take it. */
    private static final int LEAST_BITS = 1024;
    /** RFC 8301 3.2, and what the large receivers recommend. */
    private static final int GOOD_BITS = 2048;
    /** RFC 5322 3.6.4, without comments and folding: what every reader takes. */
    private static final Pattern MESSAGE_ID = Pattern.compile("<[^<>@\\s]+@[^<>@\\s]+>");
    private static final Pattern HTTPS = Pattern.compile("<\\s*https://[^\\s<>]+>", Pattern.CASE_INSENSITIVE);
    private static final Pattern HTTP = Pattern.compile("<\\s*http://[^\\s<>]+>", Pattern.CASE_INSENSITIVE);
    private static final String ONE_CLICK = "list-unsubscribe=one-click"; // RFC 8058 3.1
    private static final List<String> UNSUBSCRIBE_FIELDS = List.of("list-unsubscribe", "list-unsubscribe-post");

    private static final String SIGN_ALIGNED = "sign with d= or send with a return path in ";

    private final Facts facts;
    private final DnsFacts dns;
    private final Kind kind;
    private final Collection<Provider> providers;
    private final List<Finding> findings = new ArrayList<>(0);

    private Judge(Facts facts, DnsFacts dns, Kind kind, Collection<Provider> providers) {
        this.facts = facts;
        this.dns = dns;
        this.kind = kind;
        this.providers = providers;
    }

    /** What those providers would say to it. */
    static Verdict judge(Facts facts, DnsFacts dns, Kind kind, Collection<Provider> providers) {
        Judge judge = new Judge(facts, dns, kind, providers);
        judge.form();
        judge.authentication();
        judge.addresses();
        judge.unsubscribing();
        return judge.findings.isEmpty() ? Verdict.PASS : new Verdict(judge.findings);
    }

    private void form() {
        if (facts.fromFields() != 1) {
            fail(Demands.ONE_FROM, facts.fromFields() == 0
                    ? "there is no From field"
                    : "there are " + facts.fromFields() + " From fields", "send one From field with one address");
        } else if (facts.fromDomains().isEmpty()) {
            fail(Demands.ONE_FROM, "the From field can't be read: " + facts.fromTrouble(),
                    "send one From field with one address");
        } else if (facts.fromDomains().size() > 1) {
            fail(Demands.ONE_FROM, "From has addresses of several domains: "
                    + String.join(", ", facts.fromDomains()), "send from one domain");
        }
        if (!facts.repeated().isEmpty()) {
            fail(Demands.SINGLE_FIELDS, "stands there more than once: " + String.join(", ", facts.repeated()),
                    "leave one of each");
        }
        if (facts.messageId().isEmpty()) {
            fail(Demands.MESSAGE_ID, "there is no Message-ID", "give each message one of its own");
        } else if (!MESSAGE_ID.matcher(facts.messageId()).matches()) {
            fail(Demands.MESSAGE_ID, "the Message-ID isn't <unique@domain>", "write it as <unique@domain>");
        }
        if (!facts.hasDate()) {
            add(Severity.WARN, Demands.DATE, "there is no Date", "say when the message was written");
        }
        Facts.Lines lines = facts.lines();
        if (lines.bareNewlines() || lines.hasNul()) {
            fail(Demands.LINE_ENDS, lines.hasNul()
                    ? "there is an octet of zero"
                    : "a CR or LF stands alone",
                    "end lines with CRLF, encode what is binary");
        }
        if (lines.longest() > MAX_LINE) {
            fail(Demands.LINE_LENGTH, "a line has " + lines.longest() + " octets, of " + MAX_LINE + " allowed",
                    "use quoted-printable or base64");
        }
    }

    /** Of SPF, of DKIM, or of what follows from them. */
    private enum Result {
        PASS, FAIL,
        /** Not before DNS has answered, or because we weren't told our addresses. */
        OPEN
    }

    private void authentication() {
        Result spf = spf();
        Result dkim = dkim();
        if (spf == Result.FAIL && dkim == Result.FAIL) {
            fail(Demands.AUTHENTICATED, "neither SPF nor DKIM passes", "sign with a key that is in the DNS, or allow "
                    + "the sending addresses in SPF");
        }
        String author = facts.author();
        if (author.isEmpty()) {
            return;
        }
        TreeWalk.@Nullable Found walk = dns.walks().get(author);
        if (walk == null || walk.trouble() != null) {
            unknown(Demands.DMARC, "the DMARC record of " + author + " isn't known: "
                    + (walk == null ? "not asked" : walk.trouble()));
            return;
        }
        @Nullable
        DmarcRecord record = walk.record();
        if (record != null && walk.isEnforced() && isAligned(author, walk, record, spf) == Result.FAIL) {
            fail(Demands.AUTHENTICATED, "the DMARC policy at " + walk.policyAt() + " is " + walk.policy()
                    + ", and From isn't aligned with " + others(), SIGN_ALIGNED + author);
        }
        if (!kind.isBulk()) {
            return;
        }
        if (record == null) {
            fail(Demands.DMARC, author + " has no DMARC record, nor has " + walk.organization(),
                    "publish _dmarc." + walk.organization() + " TXT \"v=DMARC1; p=none; rua=mailto:…\"");
            record = DmarcRecord.DEFAULT; // aligned it must be all the same
        } else if (!record.isOfUse()) {
            fail(Demands.DMARC,
                    "the DMARC record at " + walk.policyAt() + " has neither valid policies nor rua=, so that "
                            + "receivers ignore it",
                    "publish v=DMARC1; p=none; rua=mailto:…");
        } else if (!record.hasPolicy()) {
            add(Severity.WARN, Demands.DMARC, "the DMARC record at " + walk.policyAt()
                    + " has no p= that is valid, or a wrong sp= or np=, so that receivers of the older rules ignore it",
                    "add p=none, mend the others");
        }
        alignment(author, walk, record, spf);
    }

    private Result spf() {
        if (facts.returnDomain().isEmpty()) {
            return Result.OPEN; // RFC 7208 2.4: of <> the name in EHLO counts, which is ours
        }
        if (dns.spf().isEmpty()) {
            return Result.OPEN;
        }
        @Nullable
        SpfFacts worst = null;
        for (SpfFacts one : dns.spf()) {
            if (one.result() == SpfFacts.Result.TEMPERROR) {
                worst = worst == null ? one : worst;
            } else if (one.result() != SpfFacts.Result.PASS) {
                if (kind.isBulk()) {
                    fail(Demands.SPF, one.why(), "add the addresses to the SPF record of " + facts.returnDomain());
                }
                return Result.FAIL;
            }
        }
        if (worst != null) {
            unknown(Demands.SPF, worst.why());
            return Result.OPEN;
        }
        return Result.PASS;
    }

    private Result dkim() {
        List<SignatureFacts> signatures = Evidence.considered(facts);
        if (signatures.isEmpty()) {
            if (kind.isBulk()) {
                fail(Demands.DKIM, "there is no DKIM signature", "sign, with a key of the From domain");
            }
            return Result.FAIL;
        }
        Result result = Result.FAIL;
        @Nullable
        String why = null;
        for (SignatureFacts signature : signatures) {
            switch (passes(signature)) {
                case PASS -> result = Result.PASS;
                case OPEN -> result = result == Result.PASS ? result : Result.OPEN;
                case FAIL -> why = why == null ? unusable(signature) : why;
            }
        }
        if (result == Result.OPEN) {
            unknown(Demands.DKIM, "the key of " + signatures.getFirst().keyName() + " isn't known: "
                    + key(signatures.getFirst()).why());
        } else if (result == Result.FAIL && kind.isBulk()) {
            fail(Demands.DKIM, String.valueOf(why), "publish an RSA key of 2,048 bits at "
                    + signatures.getFirst().keyName());
        }
        if (result == Result.PASS) {
            for (SignatureFacts signature : signatures) {
                KeyFacts key = key(signature);
                if (passes(signature) == Result.PASS && key.bits() < GOOD_BITS) {
                    add(Severity.WARN, Demands.DKIM, "the key at " + signature.keyName() + " has " + key.bits()
                            + " bits", "use an RSA key of 2,048");
                }
            }
        }
        return result;
    }

    /** Whether the large receivers verify it; they don't know Ed25519. */
    private Result passes(SignatureFacts signature) {
        KeyFacts key = key(signature);
        return switch (key.state()) {
            case UNKNOWN -> Result.OPEN;
            case MISSING, REVOKED, UNREADABLE -> Result.FAIL;
            case PRESENT -> !key.ed25519() && !signature.isEd25519() && key.bits() >= LEAST_BITS
                    ? Result.PASS
                    : Result.FAIL;
        };
    }

    private String unusable(SignatureFacts signature) {
        KeyFacts key = key(signature);
        if (key.state() != KeyFacts.State.PRESENT) {
            return "the signature of " + signature.domain() + " can't be verified: " + signature.keyName() + ": "
                    + key.why();
        }
        if (signature.isEd25519() || key.ed25519()) {
            return signature.isEd25519() && key.ed25519()
                    ? "there is an Ed25519 signature alone, which the large receivers don't verify"
                    : "the signature of " + signature.domain() + " is of another kind than its key";
        }
        return "the key at " + signature.keyName() + " has " + key.bits() + " bits, of " + LEAST_BITS + " at least";
    }

    private KeyFacts key(SignatureFacts signature) {
        return dns.keys().getOrDefault(signature.keyName(), KeyFacts.UNKNOWN);
    }

    private void alignment(String author, TreeWalk.Found walk, DmarcRecord record, Result spf) {
        switch (isAligned(author, walk, record, spf)) {
            case PASS -> {
            }
            case OPEN -> unknown(Demands.ALIGNMENT, "whether From is aligned depends on what isn't known");
            case FAIL -> fail(Demands.ALIGNMENT, "From " + author + " isn't aligned with " + others(),
                    SIGN_ALIGNED + author);
        }
    }

    private Result isAligned(String author, TreeWalk.Found walk, DmarcRecord record, Result spf) {
        Result aligned = Result.FAIL;
        if (!facts.returnDomain().isEmpty()) {
            aligned = both(spf, aligned(author, walk, facts.returnDomain(), record.strictSpf()));
        }
        for (SignatureFacts signature : Evidence.considered(facts)) {
            aligned = either(aligned,
                    both(passes(signature), aligned(author, walk, signature.domain(), record.strictDkim())));
        }
        return aligned;
    }

    private String others() {
        List<String> domains = new ArrayList<>();
        for (SignatureFacts signature : Evidence.considered(facts)) {
            domains.add("d=" + signature.domain() + (passes(signature) == Result.FAIL ? " (doesn't pass)" : ""));
        }
        if (!facts.returnDomain().isEmpty()) {
            domains.add("the return path's " + facts.returnDomain());
        }
        return domains.isEmpty() ? "anything" : String.join(", ", domains);
    }

    private Result aligned(String author, TreeWalk.Found walk, String domain, boolean strict) {
        if (domain.equals(author)) {
            return Result.PASS;
        }
        if (strict) {
            return Result.FAIL;
        }
        TreeWalk.@Nullable Found other = dns.walks().get(domain);
        if (other == null || other.trouble() != null) {
            return Result.OPEN;
        }
        return other.organization().equals(walk.organization()) ? Result.PASS : Result.FAIL;
    }

    private static Result both(Result a, Result b) {
        return a == Result.FAIL || b == Result.FAIL
                ? Result.FAIL
                : a == Result.PASS && b == Result.PASS ? Result.PASS : Result.OPEN;
    }

    private static Result either(Result a, Result b) {
        return a == Result.PASS || b == Result.PASS
                ? Result.PASS
                : a == Result.FAIL && b == Result.FAIL ? Result.FAIL : Result.OPEN;
    }

    private void addresses() {
        @Nullable
        AddressFacts open = null;
        for (AddressFacts address : dns.names()) {
            switch (address.state()) {
                case FINE -> {
                }
                case NO_NAME, NO_WAY_BACK -> {
                    fail(Demands.PTR, address.why(), "have " + address.address()
                            + " named by its owner, and give the name that address");
                    return;
                }
                case UNKNOWN -> open = address;
            }
        }
        if (open != null) {
            unknown(Demands.PTR, "the name of " + open.address() + " isn't known: " + open.why());
        }
    }

    private void unsubscribing() {
        boolean promises = !facts.oneClick().isEmpty();
        if (kind != Kind.MARKETING) {
            if (promises && kind == Kind.TRANSACTIONAL) {
                add(Severity.WARN, Demands.ONE_CLICK, "one-click unsubscribe on transactional mail",
                        "send it with marketing mail only, or say so in preflight.kind");
            }
            return;
        }
        String mend = "add List-Unsubscribe: <https://…> and List-Unsubscribe-Post: List-Unsubscribe=One-Click, both in "
                + "h= of the signature";
        if (facts.unsubscribe().isEmpty()) {
            fail(Demands.ONE_CLICK, "there is no List-Unsubscribe", mend);
        } else if (!HTTPS.matcher(facts.unsubscribe()).find()) {
            fail(Demands.ONE_CLICK, HTTP.matcher(facts.unsubscribe()).find()
                    ? "List-Unsubscribe has http and no https"
                    : "List-Unsubscribe has no <https://…>", mend);
        } else if (!facts.oneClick().replace(" ", "").toLowerCase(Locale.ROOT).equals(ONE_CLICK)) {
            fail(Demands.ONE_CLICK, promises
                    ? "List-Unsubscribe-Post isn't List-Unsubscribe=One-Click"
                    : "there is no List-Unsubscribe-Post", mend);
        } else if (Evidence.considered(facts).stream()
                .noneMatch(signature -> signature.signed().containsAll(UNSUBSCRIBE_FIELDS))) {
            fail(Demands.ONE_CLICK, "no signature covers both List-Unsubscribe fields (RFC 8058 4)", mend);
        }
    }

    private void fail(Demands demand, String what, String mend) {
        add(Severity.FAIL, demand, what, mend);
    }

    private void unknown(Demands demand, String what) {
        add(Severity.UNKNOWN, demand, what, "ask again when DNS answers");
    }

    private void add(Severity severity, Demands demand, String what, String mend) {
        List<Demands.Reply> replies = demand.replies(providers);
        if (!replies.isEmpty()) {
            findings.add(new Finding(demand.word(), severity, what, mend, replies));
        }
    }
}
