package dev.penstock.preflight;

import java.time.Duration;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;

import org.jspecify.annotations.Nullable;

import dev.penstock.config.DnsConfig;
import dev.penstock.routing.DnsRouter;
import dev.penstock.routing.OwnAddresses;
import dev.penstock.testing.FakeDns;
import dev.penstock.testing.Patience;

/** Senders in a DNS server of our own, asked through the router's cache. Confined to a test class. */
public final class Zones implements AutoCloseable {
    public static final String GOOD = "192.0.2.10";
    public static final String NAMELESS = "192.0.2.11";
    public static final String MISNAMED = "192.0.2.12";
    public static final String UNASKED = "192.0.2.13";
    public static final String SIX = "2001:db8::10";

    // Public keys of that many bits; nobody has the private ones.
    public static final String RSA2048 = "MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIBCgKCAQEArn9Rn7TVQYHGCLNRhfNyLQkDtfRlZ4sVLyQu8h2/Q9ylQin+vyoq"
            + "KxLs4KqzlE1bNszT1KWyZRq42yTbbk5PsC5+px2MXwOcVMg2AcfgOnON+e+b1LXa20SH5CrE0A0BwJJV4c9kGn6qJIzdNJ5q"
            + "JyADJBXN1jClTmykcXLq3WLNpDkTjecV5mCI/cdwcbZDPBQ3rCX/Wj1qLC80KTjhoj2MaX2qMzEWgqvN701jh/eG3q5qS7w1"
            + "1O95Zr+X7Mk6cW1ZvkkchOj6TGzxKaWOl31bNMS08+ocRB80X/RJ7vDgqWTStW0doKz2uiEPABZ3LoLc2eP+55LlVF4bDruv"
            + "wQIDAQAB";

    private static final String RSA1024 = "MIGfMA0GCSqGSIb3DQEBAQUAA4GNADCBiQKBgQDAsSuNT/nb81r33AqxfGnTNAq5YyYQcHVfuB/N6bjocfk+5LpfHiAkJVmH"
            + "xY4tzBcve6AkGkfX0Ggvkxaw38HZjcgTp6l+Gkdf+LTUOU4C0ZlPvh39KFY0B5RgprdhuUbwRl6VY7nI1CIIiDCkGdQD66rb"
            + "kfhcCh4Kgr/ZwVMAEQIDAQAB";

    private static final String RSA512 = "MFwwDQYJKoZIhvcNAQEBBQADSwAwSAJBAMCyMIneZfi+R8QIgVsTHn5tORR5iF3Eda+ONEsPDyMY3B3Wg7iZUxIAZKkLVJcj"
            + "7bgoi7RHwEnzaeDFlDjLuv0CAwEAAQ==";

    public final FakeDns dns = new FakeDns().start();
    public final ExecutorService executor = Executors.newVirtualThreadPerTaskExecutor();
    public final DnsRouter router;

    public Zones() {
        router = new DnsRouter(Map.of(), DnsConfig.DEFAULT.with(DnsConfig.SERVERS, List.of(dns.server()))
                .with(DnsConfig.TIMEOUT, Duration.ofSeconds(20)).with(DnsConfig.DEADLINE, Patience.LONG), 25,
                OwnAddresses.NONE, System::nanoTime, executor, DnsRouter.SHARED_RANDOM);
        fill();
    }

    private void fill() {
        String ok = "v=spf1 ip4:192.0.2.0/24 ip6:2001:db8::/32 -all";
        sender("sound.example", ok, "v=DMARC1; p=none; rua=mailto:d@sound.example");
        dns.text("s1._domainkey.sound.example", "v=DKIM1; k=rsa; p=" + RSA2048);
        dns.text("old._domainkey.sound.example", "p=" + RSA1024);
        dns.text("tiny._domainkey.sound.example", "v=DKIM1; p=" + RSA512);
        dns.text("gone._domainkey.sound.example", "v=DKIM1; p=");
        dns.text("odd._domainkey.sound.example", "v=DKIM1; p=!!!notakey");
        dns.text("web._domainkey.sound.example", "v=DKIM1; s=web; p=" + RSA2048);
        dns.text("two._domainkey.sound.example", "v=DKIM1; p=" + RSA2048);
        dns.text("two._domainkey.sound.example", "v=DKIM1; p=" + RSA1024);
        dns.text("ed._domainkey.sound.example",
                "v=DKIM1; k=ed25519; p=" + Base64.getEncoder().encodeToString(new byte[32]));
        dns.text("s1._domainkey.mail.sound.example", "v=DKIM1; p=" + RSA2048);
        dns.text("mail.sound.example", ok);
        dns.text("bounce.sound.example", ok);

        sender("esp.example", ok, "v=DMARC1; p=reject");
        dns.text("s1._domainkey.esp.example", "v=DKIM1; p=" + RSA2048);

        sender("strict.example", ok, "v=DMARC1; p=none; adkim=s; aspf=s");
        dns.text("s1._domainkey.strict.example", "v=DKIM1; p=" + RSA2048);
        dns.text("s1._domainkey.mail.strict.example", "v=DKIM1; p=" + RSA2048);
        dns.text("mail.strict.example", ok);

        sender("nodmarc.example", ok, null);
        dns.text("s1._domainkey.nodmarc.example", "v=DKIM1; p=" + RSA2048);
        sender("twodmarc.example", ok, "v=DMARC1; p=none");
        dns.text("_dmarc.twodmarc.example", "v=DMARC1; p=reject");
        dns.text("s1._domainkey.twodmarc.example", "v=DKIM1; p=" + RSA2048);
        sender("nopolicy.example", ok, "v=DMARC1; rua=mailto:d@nopolicy.example");
        dns.text("s1._domainkey.nopolicy.example", "v=DKIM1; p=" + RSA2048);
        sender("reject.example", ok, "v=DMARC1; p=reject");
        sender("junk.example", ok, "v=DMARC1; p=reject; !!; =x; pct=oops; new=tag; p=none; adkim=maybe; fo=;;");
        sender("testing.example", ok, "v=DMARC1; p=quarantine; t=y");
        sender("testingreject.example", ok, "v=DMARC1; p=reject; t=y");
        sender("wrongsub.example", ok, "v=DMARC1; p=reject; sp=discard; rua=mailto:d@wrongsub.example");
        sender("useless.example", ok, "v=DMARC1; p=discard");
        sender("parts.example", ok, "v=DMARC1; p=none; sp=reject; np=quarantine");
        sender("strictabsent.example", ok, "v=DMARC1; p=reject; sp=none; np=reject");
        for (String domain : List.of("there.strictabsent.example", "there.parts.example")) {
            dns.mx(domain, 10, "out.sound.example");
        }
        dns.servfail("unsure.strictabsent.example");
        sender("_.psd.example", ok, null);
        dns.text("_dmarc.psd.example", "v=DMARC1; p=none; sp=none; np=reject; psd=y");

        // A registry that says so: what is below it belongs to others.
        dns.text("_dmarc.registry.example", "v=DMARC1; p=reject; psd=y");
        for (String tenant : List.of("a.registry.example", "b.registry.example")) {
            dns.text(tenant, ok);
            dns.text("s1._domainkey." + tenant, "v=DKIM1; p=" + RSA2048);
        }
        // A part of an organization that is one by itself.
        dns.text("_dmarc.own.sound.example", "v=DMARC1; p=none; psd=n");
        dns.text("own.sound.example", ok);
        // Deep below.
        String deep = "a.b.c.d.e.f.g.h.sound.example";
        dns.text(deep, ok);
        dns.text("s1._domainkey." + deep, "v=DKIM1; p=" + RSA2048);

        sender("nospf.example", null, "v=DMARC1; p=none");
        sender("fail.example", "v=spf1 ip4:198.51.100.0/24 -all", "v=DMARC1; p=none");
        dns.text("s1._domainkey.fail.example", "v=DKIM1; p=" + RSA2048);
        sender("soft.example", "v=spf1 ip4:198.51.100.0/24 ~all", "v=DMARC1; p=none");
        sender("neutral.example", "v=spf1 ?all", "v=DMARC1; p=none");
        sender("twospf.example", "v=spf1 ip4:192.0.2.0/24 -all", "v=DMARC1; p=none");
        dns.text("twospf.example", "v=spf1 -all");
        sender("bent.example", "v=spf1 ip4:300.1.1.1 -all", "v=DMARC1; p=none");
        sender("include.example", "v=spf1 include:spf.esp.example -all", "v=DMARC1; p=none");
        dns.text("spf.esp.example", ok);
        sender("mx.example", "v=spf1 mx -all", "v=DMARC1; p=none");
        dns.mx("mx.example", 10, "out.sound.example");
        sender("a.example", "v=spf1 a:out.sound.example -all", "v=DMARC1; p=none");
        sender("redirect.example", "v=spf1 redirect=spf.esp.example", "v=DMARC1; p=none");
        sender("macro.example", "v=spf1 exists:%{i}.allowed.example -all", "v=DMARC1; p=none");
        dns.address("192.0.2.10.allowed.example", "127.0.0.2");
        sender("void.example", "v=spf1 a:x1.void.example a:x2.void.example a:x3.void.example ip4:192.0.2.0/24 -all",
                "v=DMARC1; p=none");
        StringBuilder many = new StringBuilder("v=spf1");
        for (int i = 0; i < 11; i++) {
            many.append(" include:i").append(i).append(".many.example");
            dns.text("i" + i + ".many.example", "v=spf1 ip4:198.51.100." + i + " -all");
        }
        sender("many.example", many + " ip4:192.0.2.0/24 -all", "v=DMARC1; p=none");
        sender("broken.example", ok, "v=DMARC1; p=none");
        dns.servfail("broken.example");
        dns.servfail("_dmarc.nodns.example");
        dns.text("nodns.example", ok);
        dns.servfail("s1._domainkey.nodns.example");

        dns.pointer(GOOD, "out.sound.example").address("out.sound.example", GOOD, SIX);
        dns.pointer(SIX, "out.sound.example");
        dns.pointer(MISNAMED, "elsewhere.sound.example").address("elsewhere.sound.example", "198.51.100.1");
        dns.servfail("13.2.0.192.in-addr.arpa");
    }

    private void sender(String domain, @Nullable String spf, @Nullable String dmarc) {
        if (spf != null) {
            dns.text(domain, spf);
        }
        if (dmarc != null) {
            dns.text("_dmarc." + domain, dmarc);
        }
    }

    @Override
    public void close() {
        dns.close();
        executor.shutdownNow();
    }
}
