package dev.penstock.loadgen;

import static com.tngtech.archunit.lang.syntax.ArchRuleDefinition.noClasses;

import com.tngtech.archunit.core.domain.JavaClass;
import com.tngtech.archunit.core.importer.ClassFileImporter;
import com.tngtech.archunit.core.importer.ImportOption;
import org.junit.jupiter.api.Test;

class LoadgenArchitectureTest {
    @Test
    void generatorAndSinkKnowOnlyTheGatewaysGrammarAndUnits() {
        noClasses().that().resideInAPackage("dev.penstock.loadgen").should()
                .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.penstock..")
                        .and(JavaClass.Predicates.resideOutsideOfPackages("dev.penstock.loadgen",
                                "dev.penstock.loadgen.twin", "dev.penstock.smtp",
                                "dev.penstock.units")))
                .check(new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
                        .importPackages("dev.penstock"));
    }

    @Test
    void twinsKnowOnlyUnitsAndDoNoIoOverSockets() {
        noClasses().that().resideInAPackage("dev.penstock.loadgen.twin").should()
                .dependOnClassesThat(JavaClass.Predicates.resideInAPackage("dev.penstock..")
                        .and(JavaClass.Predicates.resideOutsideOfPackages("dev.penstock.loadgen.twin",
                                "dev.penstock.units"))
                        .or(JavaClass.Predicates.resideInAnyPackage("java.net..", "java.nio.channels..",
                                "java.util.concurrent..")))
                .check(new ClassFileImporter().withImportOption(new ImportOption.DoNotIncludeTests())
                        .importPackages("dev.penstock"));
    }
}
