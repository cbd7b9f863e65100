package dev.penstock;

import static com.tngtech.archunit.base.DescribedPredicate.describe;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.classes;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.fields;
import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;
import static org.assertj.core.api.Assertions.assertThat;

import java.util.List;
import java.util.Set;
import java.util.stream.Collectors;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.domain.JavaClasses;
import com.tngtech.archunit.core.domain.JavaConstructor;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

import dev.penstock.message.Envelope;
import dev.penstock.message.EnvelopeCodec;
import dev.penstock.message.MessageEvent;

class ArchitectureTest {
    /** Lowest first; a package imports from floors below its own only. */
    private static final List<Set<String>> FLOORS = List.of(
            Set.of("units", "smtp", "meters"),
            Set.of("message", "config", "trace"),
            Set.of("spool", "mime", "routing", "tls", "callout", "egress", "dkim", "classification",
                    "migration"),
            Set.of("shaping", "auth", "mtasts"), // shaping knows routing's sites, auth knows channel bindings of tls
            Set.of("queue", "policy", "preflight", "http", "revision"), // policy and http know identities
            Set.of("local"), // answers policy's question which recipients there are
            Set.of("reception"), // knows what policies change in a header section
            Set.of("delivery", "inbound", "tlsreport"),
            Set.of("events", "injection", "verbs"),
            Set.of("metrics", "history"), // history reads the files of events
            Set.of("admin"), // shows and changes what all of these have
            Set.of("proxy", "top"), // other programs: config, tls, http, metrics, the words of egress; the answers of admin
            Set.of(""), // Penstock, the composition root
            Set.of("cli"));
    private static final String ROOT = ArchitectureTest.class.getPackageName();
    private static final String SESSION = ROOT + ".inbound.Session";
    private static final String SESSION_STATE = ROOT + ".inbound.SessionState";
    private static final String PROGRESS = ROOT + ".inbound.ProgressGuard";

    private final JavaClasses gateway = new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
            .importPackages(ROOT);

    @Test
    void packagesImportOnlyLowerFloors() {
        for (int i = 0; i < FLOORS.size(); i++) {
            int floor = i;
            for (String name : FLOORS.get(floor)) {
                noClasses().that(describe("are in " + name, type -> packageOf(type).equals(name)))
                        .should().dependOnClassesThat(describe("are in another package of floor " + floor + " or above",
                                type -> isGateway(type) && !packageOf(type).equals(name) && floorOf(type) >= floor))
                        .check(gateway);
            }
        }
    }

    @Test
    void everyPackageHasAFloor() {
        Set<String> known = FLOORS.stream().flatMap(Set::stream).collect(Collectors.toSet());
        assertThat(gateway.stream().map(ArchitectureTest::packageOf)).isNotEmpty().allMatch(known::contains);
    }

    @Test
    void shapingKnowsOfRoutingOnlyTheSiteAndWhoseItIs() {
        noClasses().that().resideInAPackage("..shaping..").should().dependOnClassesThat(
                describe("are in spool, or in routing and neither Site nor Providers", type -> isGateway(type)
                        && (packageOf(type).equals("spool")
                                || (packageOf(type).equals("routing")
                                        && !type.getName().matches(".*\\.(Site|Providers)(\\$\\w+)?")))))
                .check(gateway);
    }

    /** What is read back from the spool, or sent to some of the recipients, was made there once. */
    @Test
    void receptionAloneMakesEnvelopes() {
        noClasses().that(describe("are neither of reception, nor the envelope, nor its codec",
                type -> !packageOf(type).equals("reception") && !type.isEquivalentTo(Envelope.class)
                        && !type.isEquivalentTo(EnvelopeCodec.class)))
                .should().accessTargetWhere(describe("it is a constructor of Envelope",
                        access -> access.getTargetOwner().isEquivalentTo(Envelope.class)
                                && access.getTarget().getName().equals(JavaConstructor.CONSTRUCTOR_NAME)))
                .check(gateway);
    }

    /** Who writes events knows the type by its name. */
    @Test
    void receptionAloneMakesReceptionEvents() {
        noClasses().that(describe("are neither of reception nor of events, nor the type itself",
                type -> !Set.of("reception", "events").contains(packageOf(type))
                        && !type.isEquivalentTo(MessageEvent.Type.class)))
                .should().accessField(MessageEvent.Type.class, MessageEvent.Type.RECEPTION.name())
                .check(gateway);
    }

    @Test
    void metricsKnowNoPartOfTheGateway() {
        Set<String> known = Set.of("metrics", "meters", "http");
        noClasses().that().resideInAPackage("..metrics..").should().dependOnClassesThat(
                describe("are of a part, which registers its meters itself",
                        type -> isGateway(type) && !known.contains(packageOf(type))))
                .check(gateway);
    }

    @Test
    void grammarIsFreeOfIo() {
        classes().that().resideInAPackage("..smtp..").should().onlyDependOnClassesThat(
                describe("are of the JDK's lang, nio buffers or util, ICU's IDNA, or the grammar's own",
                        ArchitectureTest::isPure))
                .check(gateway);
    }

    @Test
    void onlyTheSessionOfAClientChangesItsState() {
        fields().that().areDeclaredIn(SESSION).or().areDeclaredIn(SESSION_STATE).should().bePrivate().check(gateway);
        noClasses().that().doNotHaveFullyQualifiedName(SESSION).and().doNotHaveFullyQualifiedName(SESSION_STATE)
                .should().dependOnClassesThat().haveFullyQualifiedName(SESSION_STATE).check(gateway);
        noClasses().that().doNotHaveFullyQualifiedName(SESSION_STATE).and().doNotHaveFullyQualifiedName(PROGRESS)
                .should().dependOnClassesThat().haveFullyQualifiedName(PROGRESS).check(gateway);
        noClasses().that().resideInAPackage("..inbound..").and(describe("are a session's stages, or what they share",
                type -> type.getSimpleName().matches("\\w+Stage|Authentication|Rejections|SessionView|Verdict")))
                .should().dependOnClassesThat().haveFullyQualifiedName(SESSION).check(gateway);
    }

    @Test
    void theSessionOfAClientKnowsNothingOfNetty() {
        noClasses().that().resideInAPackage("..inbound..").and(describe("are the session, or its own",
                type -> type.getSimpleName()
                        .matches("Session(State|View|Timer)?|Turns|Verdict|\\w+Stage|PendingInput|ClientConnection")))
                .should().dependOnClassesThat().resideInAnyPackage("io.netty..", "reactor..").check(gateway);
    }

    private static boolean isPure(JavaClass type) {
        String name = type.getPackageName();
        return packageOf(type).equals("smtp")
                || type.isPrimitive() || type.isArray()
                || (name.equals("java.lang") && !type.isEquivalentTo(Thread.class))
                || name.startsWith("java.lang.invoke") || name.startsWith("java.lang.runtime")
                || name.equals("java.nio") || name.startsWith("java.nio.charset")
                || name.equals("java.util") || name.startsWith("java.util.function")
                || name.startsWith("java.util.regex") || name.equals("java.time") || name.startsWith("java.util.stream")
                || type.isEquivalentTo(java.io.IOException.class)
                || type.getName().equals("com.ibm.icu.text.IDNA") || type.getName().startsWith("com.ibm.icu.text.IDNA$")
                || type.isEquivalentTo(java.net.InetAddress.class)
                || type.isEquivalentTo(java.net.Inet4Address.class)
                || type.isEquivalentTo(java.net.Inet6Address.class)
                || name.startsWith("org.jspecify");
    }

    private static boolean isGateway(JavaClass type) {
        return type.getPackageName().equals(ROOT) || type.getPackageName().startsWith(ROOT + ".");
    }

    /** Below {@code dev.penstock}: empty for the root itself and for what isn't of the gateway. */
    private static String packageOf(JavaClass type) {
        String name = type.getPackageName();
        if (!name.startsWith(ROOT + ".")) {
            return "";
        }
        String inner = name.substring(ROOT.length() + 1);
        int dot = inner.indexOf('.');
        return dot < 0 ? inner : inner.substring(0, dot);
    }

    private static int floorOf(JavaClass type) {
        String name = packageOf(type);
        for (int i = 0; i < FLOORS.size(); i++) {
            if (FLOORS.get(i).contains(name)) {
                return i;
            }
        }
        return FLOORS.size();
    }
}
