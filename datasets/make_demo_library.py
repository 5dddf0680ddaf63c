"""Makes datasets/demo-library.smi: well-known drugs written down by hand, and amides enumerated from building blocks.

Nothing in it is copied from a data set. Run with RDKit installed: python datasets/make_demo_library.py
"""

import itertools
import pathlib

from rdkit import Chem, RDLogger

RDLogger.DisableLog("rdApp.*")

DRUGS = """
aspirin CC(=O)Oc1ccccc1C(=O)O
paracetamol CC(=O)Nc1ccc(O)cc1
ibuprofen CC(C)Cc1ccc(cc1)C(C)C(=O)O
naproxen COc1ccc2cc(ccc2c1)[C@H](C)C(=O)O
diclofenac OC(=O)Cc1ccccc1Nc1c(Cl)cccc1Cl
celecoxib Cc1ccc(cc1)-c1cc(nn1-c1ccc(cc1)S(N)(=O)=O)C(F)(F)F
ketoprofen CC(C(=O)O)c1cccc(c1)C(=O)c1ccccc1
indomethacin COc1ccc2n(C(=O)c3ccc(Cl)cc3)c(C)c(CC(=O)O)c2c1
caffeine Cn1cnc2c1c(=O)n(C)c(=O)n2C
theophylline Cn1c(=O)c2[nH]cnc2n(C)c1=O
nicotine CN1CCC[C@H]1c1cccnc1
diazepam CN1C(=O)CN=C(c2ccccc2)c2cc(Cl)ccc12
oxazepam OC1N=C(c2ccccc2)c2cc(Cl)ccc2NC1=O
alprazolam Cc1nnc2CN=C(c3ccccc3)c3cc(Cl)ccc3-n12
zolpidem Cc1ccc(cc1)-c1nc2ccc(C)cn2c1CC(=O)N(C)C
haloperidol OC1(CCN(CCCC(=O)c2ccc(F)cc2)CC1)c1ccc(Cl)cc1
chlorpromazine CN(C)CCCN1c2ccccc2Sc2ccc(Cl)cc12
clozapine CN1CCN(CC1)C1=Nc2cc(Cl)ccc2Nc2ccccc12
olanzapine Cc1cc2c(s1)Nc1ccccc1N=C2N1CCN(C)CC1
risperidone Cc1nc2CCCCn2c(=O)c1CCN1CCC(CC1)c1noc2cc(F)ccc12
fluoxetine CNCCC(Oc1ccc(cc1)C(F)(F)F)c1ccccc1
sertraline CN[C@H]1CC[C@@H](c2ccc(Cl)c(Cl)c2)c2ccccc12
citalopram CN(C)CCCC1(OCc2cc(C#N)ccc12)c1ccc(F)cc1
venlafaxine COc1ccc(cc1)C(CN(C)C)C1(O)CCCCC1
bupropion CC(NC(C)(C)C)C(=O)c1cccc(Cl)c1
amitriptyline CN(C)CCC=C1c2ccccc2CCc2ccccc12
imipramine CN(C)CCCN1c2ccccc2CCc2ccccc12
carbamazepine NC(=O)N1c2ccccc2C=Cc2ccccc12
phenytoin O=C1NC(=O)C(N1)(c1ccccc1)c1ccccc1
lamotrigine Nc1nnc(c(N)n1)-c1cccc(Cl)c1Cl
gabapentin NCC1(CC(=O)O)CCCCC1
donepezil COc1cc2CC(CC3CCN(Cc4ccccc4)CC3)C(=O)c2cc1OC
rivastigmine CCN(C)C(=O)Oc1cccc(c1)[C@H](C)N(C)C
memantine CC12CC3CC(C)(C1)CC(N)(C3)C2
levodopa N[C@@H](Cc1ccc(O)c(O)c1)C(=O)O
dopamine NCCc1ccc(O)c(O)c1
morphine CN1CC[C@]23[C@H]4Oc5c3c(C[C@@H]1[C@@H]2C=C[C@@H]4O)ccc5O
fentanyl CCC(=O)N(c1ccccc1)C1CCN(CCc2ccccc2)CC1
tramadol COc1cccc(c1)C1(O)CCCCC1CN(C)C
lidocaine CCN(CC)CC(=O)Nc1c(C)cccc1C
procaine CCN(CC)CCOC(=O)c1ccc(N)cc1
bupivacaine CCCCN1CCCCC1C(=O)Nc1c(C)cccc1C
propranolol CC(C)NCC(O)COc1cccc2ccccc12
atenolol CC(C)NCC(O)COc1ccc(CC(N)=O)cc1
metoprolol COCCc1ccc(OCC(O)CNC(C)C)cc1
carvedilol COc1ccccc1OCCNCC(O)COc1cccc2[nH]c3ccccc3c12
amlodipine CCOC(=O)C1=C(COCCN)NC(C)=C(C1c1ccccc1Cl)C(=O)OC
nifedipine COC(=O)C1=C(C)NC(C)=C(C1c1ccccc1[N+](=O)[O-])C(=O)OC
verapamil COc1ccc(CCN(C)CCCC(C#N)(C(C)C)c2ccc(OC)c(OC)c2)cc1OC
diltiazem COc1ccc(cc1)[C@@H]1Sc2ccccc2N(CCN(C)C)C(=O)[C@@H]1OC(C)=O
captopril C[C@H](CS)C(=O)N1CCC[C@H]1C(=O)O
enalapril CCOC(=O)[C@H](CCc1ccccc1)N[C@@H](C)C(=O)N1CCC[C@H]1C(=O)O
losartan CCCCc1nc(Cl)c(CO)n1Cc1ccc(cc1)-c1ccccc1-c1nnn[nH]1
valsartan CCCCC(=O)N(Cc1ccc(cc1)-c1ccccc1-c1nnn[nH]1)[C@@H](C(C)C)C(=O)O
furosemide NS(=O)(=O)c1cc(C(=O)O)c(NCc2ccco2)cc1Cl
hydrochlorothiazide NS(=O)(=O)c1cc2c(cc1Cl)NCNS2(=O)=O
spironolactone CC(=O)S[C@@H]1CC2=CC(=O)CC[C@]2(C)[C@H]2CC[C@@]3(C)[C@@H](CC[C@@]33CCC(=O)O3)[C@H]12
warfarin CC(=O)CC(c1ccccc1)c1c(O)c2ccccc2oc1=O
clopidogrel COC(=O)[C@H](c1ccccc1Cl)N1CCc2sccc2C1
rivaroxaban O=C(NC[C@H]1CN(C(=O)O1)c1ccc(cc1)N1CCOCC1=O)c1ccc(Cl)s1
apixaban COc1ccc(cc1)-n1nc(C(N)=O)c2CCN(C(=O)c12)c1ccc(cc1)N1CCCCC1=O
atorvastatin CC(C)c1c(C(=O)Nc2ccccc2)c(-c2ccccc2)c(-c2ccc(F)cc2)n1CC[C@@H](O)C[C@@H](O)CC(=O)O
simvastatin CCC(C)(C)C(=O)O[C@H]1C[C@@H](C)C=C2C=C[C@H](C)[C@H](CC[C@@H]3C[C@@H](O)CC(=O)O3)[C@@H]12
rosuvastatin CC(C)c1nc(nc(-c2ccc(F)cc2)c1C=C[C@@H](O)C[C@@H](O)CC(=O)O)N(C)S(C)(=O)=O
ezetimibe O[C@@H](CC[C@H]1[C@H](N(C1=O)c1ccc(F)cc1)c1ccc(O)cc1)c1ccc(F)cc1
metformin CN(C)C(=N)NC(N)=N
glibenclamide COc1ccc(Cl)cc1C(=O)NCCc1ccc(cc1)S(=O)(=O)NC(=O)NC1CCCCC1
pioglitazone CCc1ccc(CCOc2ccc(CC3SC(=O)NC3=O)cc2)nc1
sitagliptin N[C@@H](CC(=O)N1CCn2c(C1)nnc2C(F)(F)F)Cc1cc(F)c(F)cc1F
tolbutamide CCCCNC(=O)NS(=O)(=O)c1ccc(C)cc1
omeprazole COc1ccc2[nH]c(nc2c1)S(=O)Cc1ncc(C)c(OC)c1C
ranitidine CNC(NCCSCc1ccc(CN(C)C)o1)=C[N+](=O)[O-]
cimetidine CNC(NCCSCc1nc[nH]c1C)=NC#N
famotidine NC(N)=Nc1nc(CSCCC(N)=NS(N)(=O)=O)cs1
ondansetron Cc1nccn1CC1CCc2c(C1=O)c1ccccc1n2C
metoclopramide CCN(CC)CCNC(=O)c1cc(Cl)c(N)cc1OC
loperamide CN(C)C(=O)C(CCN1CCC(O)(CC1)c1ccc(Cl)cc1)(c1ccccc1)c1ccccc1
loratadine CCOC(=O)N1CCC(CC1)=C1c2ccc(Cl)cc2CCc2cccnc12
cetirizine OC(=O)COCCN1CCN(CC1)C(c1ccccc1)c1ccc(Cl)cc1
diphenhydramine CN(C)CCOC(c1ccccc1)c1ccccc1
montelukast CC(C)(O)c1ccccc1CC[C@@H](SCC1(CC(=O)O)CC1)c1cccc(C=Cc2ccc3ccc(Cl)cc3n2)c1
salbutamol CC(C)(C)NCC(O)c1ccc(O)c(CO)c1
dexamethasone C[C@@H]1C[C@H]2[C@@H]3CCC4=CC(=O)C=C[C@]4(C)[C@@]3(F)[C@@H](O)C[C@]2(C)[C@@]1(O)C(=O)CO
prednisolone C[C@]12C[C@H](O)[C@H]3[C@@H](CCC4=CC(=O)C=C[C@]34C)[C@@H]1CC[C@]2(O)C(=O)CO
testosterone C[C@]12CC[C@H]3[C@@H](CCC4=CC(=O)CC[C@]34C)[C@@H]1CC[C@@H]2O
estradiol C[C@]12CC[C@H]3[C@@H](CCc4cc(O)ccc34)[C@@H]1CC[C@@H]2O
progesterone CC(=O)[C@H]1CC[C@H]2[C@@H]3CCC4=CC(=O)CC[C@]4(C)[C@H]3CC[C@]12C
tamoxifen CCC(=C(c1ccccc1)c1ccc(OCCN(C)C)cc1)c1ccccc1
anastrozole CC(C)(C#N)c1cc(Cn2cncn2)cc(c1)C(C)(C)C#N
imatinib Cc1ccc(NC(=O)c2ccc(CN3CCN(C)CC3)cc2)cc1Nc1nccc(n1)-c1cccnc1
gefitinib COc1cc2ncnc(Nc3ccc(F)c(Cl)c3)c2cc1OCCCN1CCOCC1
erlotinib COCCOc1cc2ncnc(Nc3cccc(c3)C#C)c2cc1OCCOC
sorafenib CNC(=O)c1cc(Oc2ccc(NC(=O)Nc3ccc(Cl)c(c3)C(F)(F)F)cc2)ccn1
sunitinib CCN(CC)CCNC(=O)c1c(C)[nH]c(C=C2C(=O)Nc3ccc(F)cc23)c1C
dasatinib Cc1nc(Nc2ncc(s2)C(=O)Nc2c(C)cccc2Cl)cc(n1)N1CCN(CCO)CC1
lapatinib CS(=O)(=O)CCNCc1ccc(o1)-c1ccc2ncnc(Nc3ccc(OCc4cccc(F)c4)c(Cl)c3)c2c1
methotrexate CN(Cc1cnc2nc(N)nc(N)c2n1)c1ccc(cc1)C(=O)N[C@@H](CCC(=O)O)C(=O)O
fluorouracil O=c1[nH]cc(F)c(=O)[nH]1
gemcitabine NC1=NC(=O)N(C=C1)[C@@H]1O[C@H](CO)[C@@H](O)C1(F)F
amoxicillin CC1(C)S[C@@H]2[C@H](NC(=O)[C@H](N)c3ccc(O)cc3)C(=O)N2[C@H]1C(=O)O
penicillin_G CC1(C)S[C@@H]2[C@H](NC(=O)Cc3ccccc3)C(=O)N2[C@H]1C(=O)O
cephalexin CC1=C(N2[C@H](SC1)[C@H](NC(=O)[C@H](N)c1ccccc1)C2=O)C(=O)O
ciprofloxacin OC(=O)c1cn(C2CC2)c2cc(N3CCNCC3)c(F)cc2c1=O
levofloxacin C[C@H]1COc2c(N3CCN(C)CC3)c(F)cc3c(=O)c(cn1c23)C(=O)O
sulfamethoxazole Cc1cc(NS(=O)(=O)c2ccc(N)cc2)no1
trimethoprim COc1cc(Cc2cnc(N)nc2N)cc(OC)c1OC
metronidazole Cc1ncc([N+](=O)[O-])n1CCO
isoniazid NNC(=O)c1ccncc1
chloramphenicol OC[C@@H](NC(=O)C(Cl)Cl)[C@H](O)c1ccc(cc1)[N+](=O)[O-]
linezolid CC(=O)NC[C@H]1CN(C(=O)O1)c1ccc(N2CCOCC2)c(F)c1
tetracycline CN(C)[C@H]1[C@@H]2C[C@H]3C(=C(O)c4c(O)cccc4[C@@]3(C)O)C(=O)[C@]2(O)C(O)=C(C(N)=O)C1=O
fluconazole OC(Cn1cncn1)(Cn1cncn1)c1ccc(F)cc1F
ketoconazole CC(=O)N1CCN(CC1)c1ccc(OCC2COC(Cn3ccnc3)(O2)c2ccc(Cl)cc2Cl)cc1
acyclovir Nc1nc2n(COCCO)cnc2c(=O)[nH]1
zidovudine Cc1cn([C@H]2C[C@H](N=[N+]=[N-])[C@@H](CO)O2)c(=O)[nH]c1=O
lamivudine NC1=NC(=O)N(C=C1)[C@@H]1CS[C@H](CO)O1
efavirenz FC(F)(F)[C@]1(OC(=O)Nc2ccc(Cl)cc12)C#CC1CC1
nevirapine Cc1ccnc2N(C3CC3)c3ncccc3C(=O)Nc12
oseltamivir CCOC(=O)C1=C[C@@H](OC(CC)CC)[C@H](NC(C)=O)[C@@H](N)C1
chloroquine CCN(CC)CCCC(C)Nc1ccnc2cc(Cl)ccc12
hydroxychloroquine CCN(CCO)CCCC(C)Nc1ccnc2cc(Cl)ccc12
quinine COc1ccc2nccc([C@@H](O)[C@@H]3C[C@@H]4CC[N@]3C[C@@H]4C=C)c2c1
artemisinin C[C@@H]1CC[C@H]2[C@@H](C)C(=O)O[C@@H]3O[C@@]4(C)CC[C@@H]1[C@@]23OO4
sildenafil CCCc1nn(C)c2c1nc([nH]c2=O)-c1cc(ccc1OCC)S(=O)(=O)N1CCN(C)CC1
tadalafil CN1CC(=O)N2[C@H](Cc3c([nH]c4ccccc34)[C@H]2c2ccc3OCOc3c2)C1=O
finasteride CC(C)(C)NC(=O)[C@H]1CC[C@H]2[C@@H]3CC[C@H]4NC(=O)C=C[C@]4(C)[C@H]3CC[C@]12C
allopurinol O=c1[nH]cnc2[nH]ncc12
colchicine COc1cc2CC[C@H](NC(C)=O)c3cc(=O)c(OC)ccc3-c2c(OC)c1OC
thalidomide O=C1CCC(N2C(=O)c3ccccc3C2=O)C(=O)N1
ascorbic_acid OC[C@H](O)[C@H]1OC(=O)C(O)=C1O
curcumin COc1cc(C=CC(=O)CC(=O)C=Cc2ccc(O)c(OC)c2)ccc1O
quercetin O=c1c(O)c(oc2cc(O)cc(O)c12)-c1ccc(O)c(O)c1
"""

ACIDS = """
benzoic OC(=O)c1ccccc1
4-fluorobenzoic OC(=O)c1ccc(F)cc1
3-chlorobenzoic OC(=O)c1cccc(Cl)c1
4-methoxybenzoic OC(=O)c1ccc(OC)cc1
nicotinic OC(=O)c1cccnc1
isonicotinic OC(=O)c1ccncc1
2-furoic OC(=O)c1ccco1
thiophene-2 OC(=O)c1cccs1
1-methylpyrazole-4 OC(=O)c1cnn(C)c1
indole-3 OC(=O)c1c[nH]c2ccccc12
quinoline-6 OC(=O)c1ccc2ncccc2c1
benzothiazole-2 OC(=O)c1nc2ccccc2s1
4-cyanobenzoic OC(=O)c1ccc(C#N)cc1
4-nitrobenzoic OC(=O)c1ccc(cc1)[N+](=O)[O-]
4-sulfamoylbenzoic OC(=O)c1ccc(cc1)S(N)(=O)=O
3-trifluoromethylbenzoic OC(=O)c1cccc(c1)C(F)(F)F
cyclopropane OC(=O)C1CC1
cyclohexane OC(=O)C1CCCCC1
tetrahydropyran-4 OC(=O)C1CCOCC1
phenylacetic OC(=O)Cc1ccccc1
cinnamic OC(=O)C=Cc1ccccc1
phenoxyacetic OC(=O)COc1ccccc1
imidazopyridine-2 OC(=O)c1cn2ccccc2n1
pyrimidine-5 OC(=O)c1cncnc1
catechol OC(=O)c1ccc(O)c(O)c1
"""

AMINES = """
morpholine C1COCCN1
piperidine C1CCCCN1
N-methylpiperazine CN1CCNCC1
N-phenylpiperazine c1ccccc1N1CCNCC1
pyrrolidine C1CCCN1
benzylamine NCc1ccccc1
4-fluorobenzylamine NCc1ccc(F)cc1
aniline Nc1ccccc1
4-chloroaniline Nc1ccc(Cl)cc1
3-aminopyridine Nc1cccnc1
2-aminothiazole Nc1nccs1
cyclopropylamine NC1CC1
cyclohexylamine NC1CCCCC1
tert-butylamine NC(C)(C)C
phenethylamine NCCc1ccccc1
tryptamine NCCc1c[nH]c2ccccc12
2-methoxyethylamine NCCOC
3-picolylamine NCc1cccnc1
4-aminopiperidine-boc NC1CCN(CC1)C(=O)OC(C)(C)C
tetrahydroisoquinoline C1NCCc2ccccc12
azetidine C1CNC1
4-aminobenzonitrile Nc1ccc(cc1)C#N
2-aminobenzimidazole Nc1nc2ccccc2[nH]1
histamine NCCc1c[nH]cn1
dimethylaminoethylamine NCCN(C)C
3-aminophenol Nc1cccc(O)c1
4-morpholinoaniline Nc1ccc(cc1)N1CCOCC1
alaninol NC(C)CO
N-methylaniline CNc1ccccc1
trifluoroethylamine NCC(F)(F)F
adamantylamine NC12CC3CC(CC(C3)C1)C2
5-amino-1-methylindazole Nc1ccc2c(cnn2C)c1
"""

# A vendor's file is never clean: one valence error, one unclosed ring, one word that is no SMILES.
BROKEN = [
    ("C[N](C)(C)(C)C", "broken-valence"),
    ("c1ccccc", "broken-ring"),
    ("not_a_molecule", "broken-text"),
]


def pairs(block):
    """Name and SMILES of each line."""
    return [tuple(line.split()) for line in block.strip().splitlines()]


def amide(acid, amine):
    """The amide of a carboxylic acid and a primary or secondary amine, or None where none forms."""
    reaction = Chem.rdChemReactions.ReactionFromSmarts(
        "[CX3:1](=[O:2])[OX2H1].[NX3;H1,H2;!$(N[C,S]=[O,N]);!$(N#*);!$([nH]):3]>>[C:1](=[O:2])[N:3]"
    )
    found = set()
    for (product,) in reaction.RunReactants((acid, amine)):
        try:
            Chem.SanitizeMol(product)
        except Chem.rdchem.MolSanitizeException:
            continue
        found.add(Chem.MolToSmiles(product))
    return min(found) if found else None


def main():
    """Writes the library beside this script."""
    rows, seen = [], set()
    for name, smiles in pairs(DRUGS):
        mol = Chem.MolFromSmiles(smiles)
        assert mol is not None, name
        canonical = Chem.MolToSmiles(mol)
        assert canonical not in seen, name
        seen.add(canonical)
        rows.append((smiles, name))
    number = 0
    for (acid_name, acid), (amine_name, amine) in itertools.product(pairs(ACIDS), pairs(AMINES)):
        product = amide(Chem.MolFromSmiles(acid), Chem.MolFromSmiles(amine))
        assert product, (acid_name, amine_name)
        if product in seen:
            continue
        seen.add(product)
        number += 1
        rows.append((product, f"SL-{number:04d}"))
    for place, row in zip((150, 500, 850), BROKEN):
        rows.insert(place, row)
    path = pathlib.Path(__file__).with_name("demo-library.smi")
    path.write_text("".join(f"{smiles}\t{name}\n" for smiles, name in rows), encoding="utf-8")
    print(f"{len(rows)} rows written to {path.name}")


if __name__ == "__main__":
    from rdkit.Chem import rdChemReactions  # noqa: F401  (loaded for Chem.rdChemReactions)

    main()
