package dev.penstock.dkim;

import static java.nio.charset.StandardCharsets.ISO_8859_1;
import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.tuple;

import java.time.Instant;
import java.time.InstantSource;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

import dev.penstock.dkim.Verification.Result;

class VerifierTest {
    /** RFC 8463 A.3. */
    private static final String MESSAGE = """
            DKIM-Signature: v=1; a=ed25519-sha256; c=relaxed/relaxed;
             d=football.example.com; i=@football.example.com;
             q=dns/txt; s=brisbane; t=1528637909; h=from : to :
             subject : date : message-id : from : subject : date;
             bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
             b=/gCrinpcQOoIfuHNQIbq4pgh9kyIK3AQUdt9OdqQehSwhEIug4D11Bus
             Fa3bT3FY5OsU7ZbnKELq+eXdp1Q1Dw==
            DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed;
             d=football.example.com; i=@football.example.com;
             q=dns/txt; s=test; t=1528637909; h=from : to : subject :
             date : message-id : from : subject : date;
             bh=2jUSOH9NhtVGCQWNr9BrIAPreKQjO6Sn7XIkfJVOzv8=;
             b=F45dVWDfMbQDGHJFlXUNB2HKfbCeLRyhDXgFpEL8GwpsRe0IeIixNTe3
             DhCVlUrSjV4BwcVcOF6+FF3Zo9Rpo1tFOeS9mPYQTnGdaSGsgeefOsk2Jz
             dA+L10TeYt9BgDfQNZtKdN1WO//KgIqXP7OdEFE4LjFYNcUxZQ4FADY+8=
            From: Joe SixPack <joe@football.example.com>
            To: Suzie Q <suzie@shopping.example.net>
            Subject: Is dinner ready?
            Date: Fri, 11 Jul 2003 21:00:37 -0700 (PDT)
            Message-ID: <20030712040037.46341.5F8J@football.example.com>

            Hi.

            We lost the game.  Are you hungry yet?

            Joe.
            """.replace("\n", "\r\n");
    private static final String ED25519 = "v=DKIM1; k=ed25519; p=11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=";
    private static final String RSA = "v=DKIM1; k=rsa; p=MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDkHlOQoBTzWR"
            + "iGs5V6NpP3idY6Wk08a5qhdR6wy5bdOKb2jLQiY/J16JYi0Qvx/byYzCNb3W91y3FutACDfzwQ/BC/e/8uBsCR+yz1Lxj+PL6lHvqM"
            + "KrM3rG4hstT5QjvHO9PzoxZyVYLzBfO2EeC3Ip3G+2kryOTIKT+l/K4w3QIDAQAB";
    private static final String BRISBANE = "brisbane._domainkey.football.example.com";
    private static final String TEST = "test._domainkey.football.example.com";

    private final Map<String, PublicKeys.Answer> zone = new HashMap<>(
            Map.of(BRISBANE, found(ED25519), TEST, found(RSA)));
    private final Verifier verifier = new Verifier(name -> zone.getOrDefault(name, new PublicKeys.None()),
            InstantSource.fixed(Instant.parse("2026-11-28T10:00:00Z")));

    private static PublicKeys.Answer found(String text) {
        return new PublicKeys.Found(List.of(text));
    }

    private List<Verification> verify(String message) {
        return verifier.verify(message.getBytes(ISO_8859_1));
    }

    private List<Result> results(String message) {
        return verify(message).stream().map(Verification::result).toList();
    }

    @Test
    void theExampleOfTheStandardPassesByBothAlgorithms() {
        assertThat(verify(MESSAGE)).containsExactly(
                new Verification(Result.PASS, "football.example.com", "brisbane", "ed25519-sha256", ""),
                new Verification(Result.PASS, "football.example.com", "test", "rsa-sha256", "1024 bits"));
    }

    @Test
    void whatRelaxedFormsAllowBreaksNothing() {
        String changed = MESSAGE.replace("Subject: Is dinner ready?", "SUBJECT:  Is\r\n\t dinner  ready? ")
                .replace("the game.  Are", "the game.\tAre") + "\r\n\r\n";

        assertThat(results(changed)).containsExactly(Result.PASS, Result.PASS);
    }

    @ParameterizedTest
    @CsvSource({"Hi., Ho.", "hungry yet, hungry  now", "Is dinner, is dinner", "SixPack <joe, SixPack <jim"})
    void anyOtherChangeShows(String from, String to) {
        assertThat(results(MESSAGE.replace(from, to))).containsExactly(Result.FAIL, Result.FAIL);
    }

    @Test
    void aFieldThatIsAddedShowsWhereItWasOversigned() {
        assertThat(results(MESSAGE.replace("To: Suzie", "Subject: buy\r\nTo: Suzie")))
                .containsExactly(Result.FAIL, Result.FAIL);
    }

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
            v=1;                 | v=2;                  | v= must be 1
            a=rsa-sha256         | a=rsa-sha1            | the algorithm rsa-sha1 is unknown
            c=relaxed/relaxed    | c=odd                 | c= is unknown
            q=dns/txt            | q=file                | q= doesn't allow dns/txt
            i=@football.example. | i=@other.example.     | i= isn't in the domain of d=
            t=1528637909         | t=now                 | t= isn't a number
            t=1528637909         | t=1; x=1              | x= isn't after t=
            t=1528637909         | t=1; x=99             | the signature has expired
            t=1528637909         | s=test                | the tag s= is there twice
            t=1528637909         | l=9999                | l= is more than the body has
            t=1528637909         | t                     | "t" isn't of the form tag=value
            h=from : to          | h=to; y=              | h= doesn't cover From
            """)
    void aSignatureThatCannotBeUsedSaysWhy(String from, String to, String why) {
        int second = MESSAGE.indexOf("DKIM-Signature", 1);
        Verification result = verify(MESSAGE.substring(0, second)
                + MESSAGE.substring(second).replaceFirst(Pattern.quote(from), to)).getLast();

        assertThat(result.result()).isEqualTo(Result.PERMERROR);
        assertThat(result.detail()).isEqualTo(why);
    }

    @Test
    void aKeyThatCannotBeUsedSaysWhy() {
        Map<String, String> keys = Map.of(
                "v=DKIM1; p=", "the key at " + TEST + " is revoked",
                "v=DKIM2; p=AAAA", "v= must be DKIM1, and the first tag",
                "p=AAAA; v=DKIM1", "v= must be DKIM1, and the first tag",
                "v=DKIM1; k=rsa", "the tag p= is missing",
                "v=DKIM1; h=sha1; p=AAAA", "h= doesn't allow sha256",
                "v=DKIM1; s=tlsrpt; p=AAAA", "s= doesn't allow email",
                "v=DKIM1; k=ed25519; p=AAAA", "the key at " + TEST + " is of type ed25519",
                "v=DKIM1; p=AAAA", "the key at " + TEST + " has 0 bits; at least 1024 are asked for (RFC 8301)");
        keys.forEach((text, why) -> {
            zone.put(TEST, found(text));
            assertThat(verify(MESSAGE).getLast()).as(text).isEqualTo(new Verification(Result.PERMERROR,
                    "football.example.com", "test", "rsa-sha256", why));
        });
    }

    @Test
    void aKeyThatCannotBeHadNowMayBeThereLater() {
        zone.put(TEST, new PublicKeys.Failed("SERVFAIL"));
        zone.remove(BRISBANE);

        assertThat(verify(MESSAGE)).extracting(Verification::result, Verification::detail).containsExactly(
                tuple(Result.PERMERROR, "there is no key at " + BRISBANE),
                tuple(Result.TEMPERROR,
                        "the key at " + TEST + " can't be had now: SERVFAIL"));
    }

    @Test
    void moreSignaturesThanAnybodyMakesAreNotLookedAt() {
        String field = MESSAGE.substring(0, MESSAGE.indexOf("DKIM-Signature", 1));

        assertThat(verify(field.repeat(30) + MESSAGE)).hasSize(Verifier.MAX_SIGNATURES);
        assertThat(verify("From: a@example.com\r\n\r\n")).isEmpty();
    }
}
